//! A server that answers as a test says, also with half an answer or none.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

/// A request that came.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// In lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// What is sent back.
pub enum Reply {
    /// Status, one more header, body.
    Whole(u16, &'static str, String),
    /// Half of this body, and the connection ends.
    Half(String),
    /// Nothing, for a minute.
    Silence,
}

/// A good answer.
pub fn good(body: impl Into<String>) -> Reply {
    Reply::Whole(200, "content-type: application/json", body.into())
}

/// Ends with the test's process.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// `answer` is told how many requests came before.
    pub fn start(answer: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (log, answer) = (seen.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &log, answer.as_ref()));
            }
        });
        Self { address, seen }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, answer: &(dyn Fn(usize, &Seen) -> Reply + Send + Sync)) {
    let Some(seen) = request(&mut stream) else { return };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(seen.clone());
        log.len() - 1
    };
    let head = |status: u16, header: &str, length: usize| {
        format!("HTTP/1.1 {status} It\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
    };
    let text = match answer(before, &seen) {
        Reply::Whole(status, header, body) => head(status, header, body.len()) + &body,
        Reply::Half(body) => head(200, "content-type: application/json", body.len()) + &body[..body.len() / 2],
        Reply::Silence => return std::thread::sleep(Duration::from_secs(60)),
    };
    let _ = stream.write_all(text.as_bytes());
}

fn request(stream: &mut TcpStream) -> Option<Seen> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut seen = Seen {
        path: path.replace("%3A", ":"),
        query: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        ..Seen::default()
    };
    loop {
        line.clear();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        seen.headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = seen.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8(body).ok()?;
    Some(seen)
}

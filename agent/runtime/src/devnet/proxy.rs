//! A JSON-RPC proxy before the local chain that can be told to misbehave, and that counts.

use alloy::primitives::Address;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::post,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How long a request that is held back stays open; no client of ours waits as long.
const HOLD: Duration = Duration::from_secs(600);
/// Code of the error with which a call to an unreadable address is answered.
const UNREADABLE: i64 = -32_000;
/// Pause after a failed `accept`, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the proxy does not stand.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No port could be had.
    #[error("the proxy cannot listen on 127.0.0.1")]
    Listen(#[from] io::Error),
}

/// The proxy; it ends with this value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    down: AtomicBool,
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    held: BTreeSet<String>,
    muted: BTreeSet<String>,
    cut: BTreeSet<String>,
    failing: BTreeMap<String, (i64, String)>,
    forgotten: BTreeSet<String>,
    /// Addresses as calldata has them: lower-case hexadecimal digits.
    unreadable: BTreeSet<String>,
    requests: u64,
    methods: BTreeMap<String, u64>,
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Listens on a free port and forwards to `upstream`.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(upstream: &str) -> Result<Self, ProxyError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            client: reqwest::Client::new(),
            down: AtomicBool::new(false),
            rules: Mutex::default(),
        });
        let router = Router::new().route("/", post(handle)).with_state(Arc::clone(&shared));
        let line = Line { listener, shared: Arc::clone(&shared) };
        let server = tokio::spawn(async move {
            // Ends only by being aborted.
            let _ = axum::serve(line, router).await;
        });
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on requests of this method are swallowed: neither forwarded nor answered.
    pub fn hold(&self, method: &str) {
        self.shared.rules().held.insert(method.to_owned());
    }

    /// From now on requests of this method are forwarded and their answers swallowed.
    pub fn mute(&self, method: &str) {
        self.shared.rules().muted.insert(method.to_owned());
    }

    /// From now on requests of this method are forwarded and answered as by a gateway that lost the answer: HTTP 502.
    pub fn cut(&self, method: &str) {
        self.shared.rules().cut.insert(method.to_owned());
    }

    /// From now on `eth_call`s that name this address anywhere, inside of a multicall too, get an error and are not
    /// forwarded; or are again.
    pub fn set_unreadable(&self, address: Address, unreadable: bool) {
        let digits = format!("{address:x}").trim_start_matches("0x").to_owned();
        let mut rules = self.shared.rules();
        if unreadable {
            rules.unreadable.insert(digits);
        } else {
            rules.unreadable.remove(&digits);
        }
    }

    /// From now on requests of this method get this JSON-RPC error and are not forwarded.
    pub fn fail(&self, method: &str, code: i64, message: &str) {
        self.shared.rules().failing.insert(method.to_owned(), (code, message.to_owned()));
    }

    /// From now on requests of this method are answered as by a node that knows nothing of what is asked: `null`.
    pub fn forget(&self, method: &str) {
        self.shared.rules().forgotten.insert(method.to_owned());
    }

    /// Ends what [`Self::hold`], [`Self::mute`], [`Self::cut`], [`Self::fail`] and [`Self::forget`] began for this method; what was
    /// swallowed stays so.
    pub fn restore(&self, method: &str) {
        let mut rules = self.shared.rules();
        rules.held.remove(method);
        rules.muted.remove(method);
        rules.cut.remove(method);
        rules.failing.remove(method);
        rules.forgotten.remove(method);
    }

    /// Whether the node is down: every connection, old or new, is dropped without an answer.
    pub fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::SeqCst);
    }

    /// HTTP requests since the start or the last [`Self::reset_counts`]; a JSON-RPC batch is one.
    pub fn requests(&self) -> u64 {
        self.shared.rules().requests
    }

    /// JSON-RPC requests by method since then, those held back or failed included.
    pub fn methods(&self) -> BTreeMap<String, u64> {
        self.shared.rules().methods.clone()
    }

    /// JSON-RPC requests of this method since then.
    pub fn count(&self, method: &str) -> u64 {
        self.shared.rules().methods.get(method).copied().unwrap_or(0)
    }

    /// Begins to count anew.
    pub fn reset_counts(&self) {
        let mut rules = self.shared.rules();
        rules.requests = 0;
        rules.methods.clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.down.store(true, Ordering::SeqCst);
        self.server.abort();
    }
}

/// What is done with a request.
enum Fate {
    Forward,
    Swallow,
    /// Forwarded; the answer is swallowed.
    Mute,
    /// Forwarded; the answer is lost.
    Cut,
    /// Answered here, in the place of each request of a batch that fails.
    Answer(Vec<Option<Value>>),
}

async fn handle(State(shared): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    let request: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let fate = judge(&mut shared.rules(), &request);
    let (status, text) = match fate {
        Fate::Forward => (StatusCode::OK, forward(&shared, body).await),
        Fate::Answer(answers) => (StatusCode::OK, merge(&shared, request, answers).await),
        Fate::Cut => {
            forward(&shared, body).await;
            (StatusCode::BAD_GATEWAY, Vec::new())
        }
        fate => {
            if matches!(fate, Fate::Mute) {
                forward(&shared, body).await;
            }
            tokio::time::sleep(HOLD).await;
            (StatusCode::GATEWAY_TIMEOUT, Vec::new())
        }
    };
    (status, [(CONTENT_TYPE, "application/json")], text)
}

fn judge(rules: &mut Rules, request: &Value) -> Fate {
    rules.requests += 1;
    let calls = request.as_array().map_or(std::slice::from_ref(request), Vec::as_slice);
    let (mut swallow, mut mute, mut cut) = (false, false, false);
    let mut answers = Vec::with_capacity(calls.len());
    for call in calls {
        let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
        *rules.methods.entry(method.to_owned()).or_default() += 1;
        swallow |= rules.held.contains(method);
        mute |= rules.muted.contains(method);
        cut |= rules.cut.contains(method);
        let unreadable = method == "eth_call" && !rules.unreadable.is_empty() && {
            let text = call.to_string().to_lowercase();
            rules.unreadable.iter().any(|address| text.contains(address))
        };
        let failing = rules.failing.get(method).map(|(code, message)| (*code, message.as_str()));
        let failing = failing.or(unreadable.then_some((UNREADABLE, "this address cannot be read")));
        let error = failing.map(|(code, message)| {
            json!({"jsonrpc": "2.0", "id": call.get("id"), "error": {"code": code, "message": message}})
        });
        let forgotten = rules.forgotten.contains(method);
        let null = || forgotten.then(|| json!({"jsonrpc": "2.0", "id": call.get("id"), "result": null}));
        answers.push(error.or_else(null));
    }
    if swallow {
        Fate::Swallow
    } else if answers.iter().any(Option::is_some) {
        Fate::Answer(answers)
    } else if mute {
        Fate::Mute
    } else if cut {
        Fate::Cut
    } else {
        Fate::Forward
    }
}

async fn forward(shared: &Shared, body: Bytes) -> Vec<u8> {
    let sent = shared.client.post(&shared.upstream).header(CONTENT_TYPE, "application/json").body(body).send().await;
    let answer = match sent {
        Ok(response) => response.bytes().await,
        Err(error) => Err(error),
    };
    answer.map_or_else(
        |error| {
            let message = format!("the proxy cannot reach the chain: {error}");
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32_000, "message": message}}).to_string().into()
        },
        Into::into,
    )
}

/// Forwards what of a batch does not fail and puts the answers together.
async fn merge(shared: &Shared, request: Value, answers: Vec<Option<Value>>) -> Vec<u8> {
    let Value::Array(calls) = request else {
        return answers.into_iter().flatten().next().unwrap_or_default().to_string().into();
    };
    let rest: Vec<_> =
        calls.into_iter().zip(&answers).filter(|(_, answer)| answer.is_none()).map(|(call, _)| call).collect();
    let mut all: Vec<Value> = answers.into_iter().flatten().collect();
    if !rest.is_empty() {
        let forwarded = forward(shared, Value::Array(rest).to_string().into()).await;
        match serde_json::from_slice(&forwarded) {
            Ok(Value::Array(more)) => all.extend(more),
            _ => return forwarded,
        }
    }
    Value::Array(all).to_string().into()
}

/// Connections that fail when the node is down.
#[derive(Debug)]
struct Line {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl axum::serve::Listener for Line {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return (Wire { stream, shared: Arc::clone(&self.shared) }, peer),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Wire {
    fn up(&self) -> io::Result<()> {
        if self.shared.down.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        // Asked after the read, so that what arrives on an idle connection is not answered either.
        match self.up() {
            Ok(()) => read,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.up() {
            Ok(()) => Pin::new(&mut self.stream).poll_write(cx, buf),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

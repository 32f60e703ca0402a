//! Append, verify, and every way of damage that was thought of.

use super::*;
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};
use tempfile::TempDir;

const NOW: u64 = 1_767_225_600_000;

fn room() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    (directory, path)
}

/// Ten rows, closed again.
fn written(path: &Path) -> Vec<Row> {
    let mut journal = Journal::open(path).unwrap();
    let append = |number: u64| {
        let payload = json!({ "z": number, "a": ["ε", null, true], "text": "x".repeat(number as usize * 40) });
        journal.append("decision.made", &payload, NOW + number).unwrap()
    };
    (0..10).map(append).collect()
}

/// As [`written`], but as a killed process leaves it: the rows are still in the write-ahead log.
fn written_and_killed(directory: &Path) -> Vec<Row> {
    let alive = directory.join("alive");
    fs::create_dir(&alive).unwrap();
    let path = alive.join("journal.db");
    let mut journal = Journal::open(&path).unwrap();
    let rows = (0..10).map(|number| journal.append("kind", &json!({ "n": number }), NOW).unwrap()).collect();
    for suffix in ["", "-wal", "-tail"] {
        fs::copy(beside(&path, suffix), beside(&directory.join("journal.db"), suffix)).unwrap();
    }
    rows
}

fn damage(found: Result<impl fmt::Debug, JournalError>) -> Damage {
    match found.unwrap_err() {
        JournalError::Damaged { damage, .. } => damage,
        other => panic!("{other}"),
    }
}

fn edit(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    let drop = "DROP TRIGGER journal_appends; DROP TRIGGER journal_keeps_rows; DROP TRIGGER journal_keeps_values";
    let triggers: Vec<String> = {
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    connection.execute_batch(&format!("{drop}; {sql}; {}", triggers.join(";"))).unwrap();
}

#[test]
fn rows_come_back_as_they_were_written() {
    let (_directory, path) = room();
    let rows = written(&path);
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.rows(1, 100).unwrap(), rows);
    assert_eq!(journal.rows(4, 2).unwrap(), rows[3..5]);
    assert_eq!(journal.rows(11, 2).unwrap(), []);
    assert_eq!(journal.head(), (10, rows[9].row_hash));
    assert_eq!(rows[0].prev_hash, genesis());
    assert_eq!(rows[1].prev_hash, rows[0].row_hash);
    let summary = journal.verify().unwrap();
    assert_eq!((summary.rows, summary.head, summary.last_unix_ms), (10, rows[9].row_hash, Some(NOW + 9)));
}

#[test]
fn the_encoding_of_a_row_never_changes() {
    let (_directory, path) = room();
    let mut journal = Journal::open(&path).unwrap();
    let row = journal.append("brake.read", &json!({ "b": 1, "a": { "d": 2, "c": "é" } }), NOW).unwrap();
    assert_eq!(row.payload, r#"{"a":{"c":"é","d":2},"b":1}"#);
    let mut bytes = genesis().to_vec();
    bytes.extend(1u64.to_be_bytes());
    bytes.extend(NOW.to_be_bytes());
    bytes.extend([0, 0, 0, 10]);
    bytes.extend(b"brake.read");
    bytes.extend([0, 0, 0, 28]);
    bytes.extend(row.payload.as_bytes());
    assert_eq!(row.row_hash, alloy::primitives::keccak256(bytes));
    assert_eq!(row.decode::<serde_json::Value>().unwrap()["b"], 1);
}

#[test]
fn an_empty_journal_is_whole() {
    let (_directory, path) = room();
    drop(Journal::open(&path).unwrap());
    let summary = Journal::open(&path).unwrap().verify().unwrap();
    assert_eq!(summary, Summary { rows: 0, head: genesis(), first_unix_ms: None, last_unix_ms: None });
}

#[test]
fn rows_can_neither_be_changed_nor_deleted_nor_replaced() {
    let (_directory, path) = room();
    written(&path);
    let connection = Connection::open(&path).unwrap();
    for sql in [
        "UPDATE journal SET kind = 'other' WHERE seq = 3",
        "DELETE FROM journal WHERE seq = 10",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE seq = 2",
        "INSERT INTO journal VALUES (12, 0, 'kind', '{}', x'00')",
    ] {
        let refused = connection.execute(sql, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{sql}: {refused}");
    }
}

#[test]
fn every_edited_value_is_found() {
    for sql in [
        "UPDATE journal SET unix_ms = unix_ms + 1 WHERE seq = 4",
        "UPDATE journal SET kind = 'decision.mads' WHERE seq = 4",
        "UPDATE journal SET payload = payload || ' ' WHERE seq = 4",
        "UPDATE journal SET payload = cast(x'ff' AS TEXT) WHERE seq = 4",
        "UPDATE journal SET row_hash = zeroblob(32) WHERE seq = 4",
        "UPDATE journal SET row_hash = x'00' WHERE seq = 4",
        "UPDATE journal SET unix_ms = -1 WHERE seq = 4",
        "DELETE FROM journal WHERE seq = 4",
        "UPDATE journal SET seq = 40 WHERE seq = 4",
    ] {
        let (_directory, path) = room();
        written(&path);
        edit(&path, sql);
        let found = damage(Journal::open(&path));
        let named = match found {
            Damage::Hash { seq, .. } | Damage::Column { seq, .. } => seq,
            Damage::Gap { expected, .. } => expected,
            other => panic!("{sql}: {other}"),
        };
        assert_eq!(named, 4, "{sql}");
        assert!(damage(Journal::read_only(&path).unwrap().verify()).to_string().contains("row 4"), "{sql}");
    }
}

#[test]
fn every_flipped_bit_of_every_row_is_found() {
    let (_directory, path) = room();
    let rows = written(&path);
    for row in &rows {
        let hash =
            |row: &Row| row_hash(row.prev_hash, row.seq, row.unix_ms, row.kind.as_bytes(), row.payload.as_bytes());
        assert_eq!(hash(row), row.row_hash);
        for bit in 0..64 {
            assert_ne!(hash(&Row { unix_ms: row.unix_ms ^ (1 << bit), ..row.clone() }), row.row_hash);
            assert_ne!(hash(&Row { seq: row.seq ^ (1 << bit), ..row.clone() }), row.row_hash);
        }
        for (position, bit) in (0..row.payload.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = row.payload.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let changed = row_hash(row.prev_hash, row.seq, row.unix_ms, row.kind.as_bytes(), &bytes);
            assert_ne!(changed, row.row_hash);
        }
    }
}

#[test]
fn rows_missing_from_the_end_are_found() {
    let (_directory, path) = room();
    written(&path);
    edit(&path, "DELETE FROM journal WHERE seq > 7");
    let found = damage(Journal::open(&path));
    assert_eq!(found, Damage::EndMissing { first_missing: 8, witnessed: 10 });
}

#[test]
fn another_history_of_the_same_length_is_found() {
    let (directory, path) = room();
    written(&path);
    let other = directory.path().join("other.db");
    let mut journal = Journal::open(&other).unwrap();
    (0..10).for_each(|_| drop(journal.append("kind", &json!({}), NOW).unwrap()));
    drop(journal);
    fs::copy(&other, &path).unwrap();
    assert!(matches!(damage(Journal::open(&path)), Damage::Replaced { seq: 9 | 10, .. }));
}

#[test]
fn changed_triggers_are_found() {
    let (_directory, path) = room();
    written(&path);
    Connection::open(&path).unwrap().execute_batch("DROP TRIGGER journal_keeps_rows").unwrap();
    assert_eq!(damage(Journal::open(&path)), Damage::Schema { object: "journal_keeps_rows".into() });
}

/// Opens what may be damaged: an error, or exactly the rows that were written; and a refused file stays as it is.
fn never_other_content(path: &Path, rows: &[Row], what: &str) -> bool {
    // SQLite makes an empty write-ahead log even to read.
    let content = |suffix| fs::read(beside(path, suffix)).ok().filter(|bytes| !bytes.is_empty());
    let files = || ["", "-wal", "-tail"].map(content);
    let before = files();
    match Journal::open(path) {
        Ok(journal) => {
            assert_eq!(journal.rows(1, 100).unwrap(), rows, "{what}");
            false
        }
        Err(_) => {
            assert!(before == files(), "{what}: a refused journal was changed");
            true
        }
    }
}

/// Damages copies of the file with `suffix` in each of `places`, and counts how many were refused.
fn damage_each(suffix: &str, places: impl Fn(usize) -> Vec<usize>, damage: impl Fn(&mut Vec<u8>, usize)) -> usize {
    let (directory, path) = room();
    let rows = written_and_killed(directory.path());
    let good = ["", "-wal", "-tail"].map(|suffix| (suffix, fs::read(beside(&path, suffix)).unwrap()));
    let length = good.iter().find(|(name, _)| *name == suffix).unwrap().1.len();
    let refused = places(length).into_iter().filter(|place| {
        for (name, bytes) in &good {
            let mut bytes = bytes.clone();
            if *name == suffix {
                damage(&mut bytes, *place);
            }
            fs::write(beside(&path, name), bytes).unwrap();
        }
        let _ = fs::remove_file(beside(&path, "-shm"));
        never_other_content(&path, &rows, &format!("journal.db{suffix} at {place}"))
    });
    refused.count()
}

/// About `count` places, at a stride that meets headers, cells and payloads alike.
fn spread(count: usize) -> impl Fn(usize) -> Vec<usize> {
    move |length| (0..length).step_by((length / count).max(1) | 1).collect()
}

#[test]
fn a_flipped_byte_of_a_file_is_found_or_harmless() {
    let flip = |bytes: &mut Vec<u8>, place: usize| bytes[place] ^= 0x41;
    // All pages of a killed process stand in its write-ahead log, so the file itself is hardly read.
    damage_each("", spread(150), flip);
    assert!(damage_each("-wal", spread(250), flip) > 100);
    damage_each("-tail", spread(60), flip);
}

#[test]
fn a_truncated_file_is_found_or_harmless() {
    let cut = |bytes: &mut Vec<u8>, place: usize| bytes.truncate(place);
    assert!(damage_each("", spread(40), cut) > 0);
    assert!(damage_each("-wal", spread(80), cut) > 70);
    damage_each("-tail", spread(20), cut);
}

#[test]
fn bytes_of_a_closed_file_flip_and_are_found_or_harmless() {
    let (_directory, path) = room();
    let rows = written(&path);
    let good = fs::read(&path).unwrap();
    let tail = fs::read(beside(&path, "-tail")).unwrap();
    let mut refused = 0;
    for place in (0..good.len()).step_by(61) {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        fs::write(beside(&path, "-tail"), &tail).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&path, suffix));
        }
        refused += usize::from(never_other_content(&path, &rows, &format!("byte {place}")));
    }
    assert!(refused > 40, "{refused}");
}

#[test]
fn a_second_writer_is_refused_and_told_who_writes() {
    let (directory, path) = room();
    let first = Journal::open(&path).unwrap();
    let second = Journal::open(&path).unwrap_err();
    let JournalError::InUse { pid, .. } = &second else { panic!("{second}") };
    assert_eq!(*pid, Some(std::process::id()));
    #[cfg(unix)]
    {
        let link = directory.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(Journal::open(&link), Err(JournalError::InUse { .. })));
    }
    drop((first, directory.path()));
    Journal::open(&path).unwrap();
}

#[test]
fn a_reader_sees_what_a_running_agent_writes() {
    let (_directory, path) = room();
    assert!(matches!(Journal::read_only(&path), Err(JournalError::Missing { .. })));
    let mut journal = Journal::open(&path).unwrap();
    let reader = Journal::read_only(&path).unwrap();
    for number in 1..=3 {
        journal.append("kind", &json!({}), NOW).unwrap();
        assert_eq!(reader.verify().unwrap().rows, number);
    }
}

#[test]
fn what_is_no_journal_is_refused_and_kept() {
    let (_directory, path) = room();
    fs::write(&path, "prices of yesterday").unwrap();
    assert!(matches!(damage(Journal::open(&path)), Damage::Unreadable { last_good: 0, .. }));
    assert_eq!(fs::read(&path).unwrap(), b"prices of yesterday");
    let other = path.with_file_name("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(Journal::open(&other), Err(JournalError::NotAJournal { .. })));
}

#[test]
fn rows_out_of_bounds_are_refused_and_the_journal_goes_on() {
    let (_directory, path) = room();
    let mut journal = Journal::open(&path).unwrap();
    let longest = "x".repeat(PAYLOAD_BYTES_MAX - 2);
    assert!(matches!(journal.append("k", &format!("{longest}y"), NOW), Err(JournalError::TooLarge { .. })));
    journal.append("k", &longest, NOW).unwrap();
    for kind in ["", "Upper", "two words", "ünicode", &"k".repeat(KIND_BYTES_MAX + 1)] {
        assert!(matches!(journal.append(kind, &json!({}), NOW), Err(JournalError::Kind { .. })), "{kind}");
    }
    assert!(matches!(journal.append("k", &json!({}), u64::MAX), Err(JournalError::Time { .. })));
    assert_eq!(journal.append("k", &json!({}), NOW).unwrap().seq, 2);
}

#[test]
fn a_full_disk_is_a_clean_error_and_the_journal_goes_on_afterwards() {
    let (_directory, path) = room();
    let mut journal = Journal::open(&path).unwrap();
    let limit = |journal: &Journal, pages: u32| {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        journal.reader.connection.query_row(&pragma, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    limit(&journal, 20);
    let page = "x".repeat(4096);
    let mut kept = 0;
    let error = loop {
        match journal.append("k", &page, NOW) {
            Ok(row) => kept = row.seq,
            Err(error) => break error,
        }
        assert!(kept < 100);
    };
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert!(kept > 0);
    assert_eq!(journal.verify().unwrap().rows, kept);
    limit(&journal, 1_000_000);
    assert_eq!(journal.append("k", &page, NOW).unwrap().seq, kept + 1);
    drop(journal);
    assert_eq!(Journal::open(&path).unwrap().verify().unwrap().rows, kept + 1);
}

const CHILD_JOURNAL: &str = "QUAESTOR_TEST_CHILD_JOURNAL";

#[test]
#[ignore = "is the child process of `rows_acknowledged_before_a_kill_are_there_after_it`"]
fn child_appends_until_it_is_killed() {
    let path = std::env::var_os(CHILD_JOURNAL).expect("the parent test names the journal");
    let mut journal = Journal::open(Path::new(&path)).unwrap();
    for number in 0..1_000_000u64 {
        let payload = "x".repeat((number as usize * 37) % 9000);
        let row = journal.append("child.row", &payload, NOW + number).unwrap();
        println!("\nacknowledged {}", row.seq);
    }
}

#[test]
fn rows_acknowledged_before_a_kill_are_there_after_it() {
    let (_directory, path) = room();
    let mut before = 0;
    for round in 0..8u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::child_appends_until_it_is_killed", "--ignored", "--nocapture"])
            .env(CHILD_JOURNAL, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = before;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = before + 3 + round * 5;
        for line in lines {
            if let Some(number) = line.unwrap().strip_prefix("acknowledged ") {
                acknowledged = number.parse().unwrap();
            }
            if acknowledged == wanted {
                // SIGKILL: nothing in the child can run after it.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged >= wanted, "the child ended early at {acknowledged}");
        let journal = Journal::open(&path).unwrap();
        before = journal.verify().unwrap().rows;
        assert!(before >= acknowledged, "{before} rows are left of {acknowledged}");
    }
}

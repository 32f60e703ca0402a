use super::*;

fn progress(released: u32) -> Progress {
    let scores = vec![("a".into(), 0.7f64.to_bits())];
    Progress { excluded: vec![("b".into(), FoundOut::Worse)], released, scores }
}

fn write(folder: &Path) -> B256 {
    let key = key(format_args!("one"));
    let (mut kept, found) = Checkpoint::open(folder, key).unwrap();
    assert_eq!(found, Found::Nothing);
    kept.done(Part::Volatility, &Ok(vec![0.1, f64::MIN_POSITIVE]), progress(1)).unwrap();
    kept.round(None, progress(2), true).unwrap();
    kept.done(Part::Scaling, &Err("no".into()), progress(2)).unwrap();
    kept.round(Some(b"state 1".to_vec()), progress(3), true).unwrap();
    kept.round(Some(b"state 2".to_vec()), progress(4), false).unwrap();
    key
}

#[test]
fn what_was_written_is_replayed_to_the_bit_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let key = write(folder.path());
    let (mut back, found) = Checkpoint::open(folder.path(), key).unwrap();
    assert_eq!(found, Found::Parts(2));
    let (sum, after) = back.replay(Part::Volatility).unwrap().unwrap();
    assert_eq!((sum.unwrap(), after), (vec![0.1, f64::MIN_POSITIVE], progress(1)));
    assert_eq!(back.replay(Part::Scaling).unwrap().unwrap().0.unwrap_err().to_string(), "no");
    assert!(back.replay(Part::Drawdown).unwrap().is_none());
    assert_eq!(back.take_open(), Some((Some("state 2".to_owned()), progress(4))));
    back.done(Part::Drawdown, &Ok(vec![2.0]), progress(5)).unwrap();
    drop(back);
    let (_, found) = Checkpoint::open(folder.path(), key).unwrap();
    assert_eq!(found, Found::Parts(3));
}

#[test]
fn a_torn_line_is_left_out_and_a_changed_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = write(folder.path());
    let path = Checkpoint::path(folder.path());
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    // A kill may come after any byte of the last line.
    for cut in last..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (mut back, found) = Checkpoint::open(folder.path(), key).unwrap();
        assert_eq!(found, Found::Parts(2));
        assert!(back.replay(Part::Volatility).unwrap().is_some() && back.replay(Part::Scaling).unwrap().is_some());
        assert_eq!(back.take_open(), Some((Some("state 1".to_owned()), progress(3))));
        assert_eq!(fs::metadata(&path).unwrap().len(), last as u64, "what follows begins on a line of its own");
    }
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for at in (header + 1..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let (mut back, found) = Checkpoint::open(folder.path(), key).unwrap();
        match found {
            Found::Unusable(why) => assert!(why.contains("line"), "{why}"),
            // The last line break was changed: then that line is torn.
            other => assert_eq!((at, other), (whole.len() - 1, Found::Parts(2))),
        }
        if at != whole.len() - 1 {
            assert!(back.replay(Part::Volatility).unwrap().is_none() && back.take_open().is_none());
        }
    }
    fs::write(&path, "something else entirely\n").unwrap();
    let (_, found) = Checkpoint::open(folder.path(), key).unwrap();
    assert_eq!(found, Found::Unusable("its first line is not `quaestor training checkpoint …`".to_owned()));
    for cut in 0..header {
        fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(Checkpoint::open(folder.path(), key).unwrap().1, Found::Nothing, "{cut}");
    }
}

#[test]
fn another_training_replaces_it_and_two_at_once_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path());
    let other = key(format_args!("two"));
    assert_ne!(old, other);
    let (mut kept, found) = Checkpoint::open(folder.path(), other).unwrap();
    assert_eq!(found, Found::Nothing);
    assert!(kept.replay(Part::Volatility).unwrap().is_none());
    let error = Checkpoint::open(folder.path(), other).unwrap_err().to_string();
    assert!(error.ends_with("another training is at work in this folder; wait for it to end"), "{error}");
    // One that comes to nothing at once leaves what is there.
    kept.remove().unwrap();
    assert_eq!(Checkpoint::open(folder.path(), old).unwrap().1, Found::Parts(2));
    let (mut kept, _) = Checkpoint::open(folder.path(), other).unwrap();
    kept.done(Part::Volatility, &Ok(vec![1.0]), progress(1)).unwrap();
    kept.remove().unwrap();
    assert!(!Checkpoint::path(folder.path()).exists());
    assert_eq!(Checkpoint::open(folder.path(), old).unwrap().1, Found::Nothing);
}

#[test]
fn a_part_that_is_not_the_recorded_one_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let key = write(folder.path());
    let (mut back, _) = Checkpoint::open(folder.path(), key).unwrap();
    let error = back.replay(Part::Tail).unwrap_err().to_string();
    assert!(error.ends_with("it is at volatility where the training is at tail; remove it and train anew"), "{error}");
}

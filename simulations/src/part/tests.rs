use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
struct Pair(u64, Vec<u8>);

impl Row for Pair {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.0.to_le_bytes());
        out.extend(&self.1);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        Some(Self(u64::from_le_bytes(*number), rest.to_vec()))
    }
}

fn head(total: u64) -> Head {
    Head::new("pairs", B256::repeat_byte(1), B256::repeat_byte(2), 3, total, serde_json::json!({"axes": ["a"]}))
}

fn written(head: &Head, rows: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin("p", &mut bytes, head).unwrap();
    for row in rows {
        writer.push(&Pair(row, vec![7; (row % 5) as usize])).unwrap();
    }
    bytes
}

fn found(name: &str, rows: Range<u64>, end: u64, total: u64) -> Found {
    Found { name: name.to_owned(), head: head(total).of(rows), end }
}

fn told(parts: &[Found]) -> String {
    let problems = join(parts).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_written_is_read_and_what_is_no_part_is_named() {
    let bytes = written(&head(9).of(2..6), 2..6);
    let mut reader = Reader::<_, Pair>::open("p", "pairs", bytes.as_slice()).unwrap();
    assert_eq!(reader.head(), &head(9).of(2..6));
    let rows: Vec<Pair> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!((reader.at(), reader.whole_bytes()), (6, bytes.len() as u64));
    let refused = |kind: &str, bytes: &[u8]| Reader::<_, Pair>::open("p", kind, bytes).unwrap_err().to_string();
    assert!(refused("paths", &bytes).contains("rows of `pairs`, not of `paths`"));
    assert!(refused("pairs", b"k,sharpe\n1,2\n").contains("no part of a run"));
    assert!(refused("pairs", b"").contains("no part of a run"));
    let older = String::from_utf8_lossy(&bytes).replace("part 1", "part 0").into_bytes();
    assert!(refused("pairs", &older).contains("`quaestor part 0`"));
}

#[test]
fn parts_that_do_not_make_a_run_are_named() {
    let whole = [found("b", 5..10, 10, 10), found("a", 0..5, 5, 10)];
    assert_eq!(join(&whole), Ok(vec![1, 0]));
    assert_eq!(told(&whole[..1]), "rows 0 to 4 of 10 are missing");
    assert_eq!(
        told(&[found("a", 0..5, 3, 10), found("b", 5..10, 10, 10)]),
        "rows 3 to 4 of 10 are missing; a broke off: `--resume` goes on"
    );
    assert_eq!(
        told(&[found("a", 0..5, 5, 12), found("b", 3..10, 10, 12)]),
        "rows 10 to 11 of 12 are missing\nrows 3 to 4 are in a and in b; leave one of the two out"
    );
    assert_eq!(
        told(&[found("a", 0..10, 10, 10), found("b", 3..5, 5, 10), found("c", 5..10, 10, 10)]),
        "rows 3 to 4 are in a and in b; leave one of the two out\nrows 5 to 9 are in a and in c; leave one of the two out"
    );
    let mut other = found("b", 5..10, 10, 10);
    other.head.seed = 4;
    assert_eq!(told(&[found("a", 0..5, 5, 10), other]), "b is of another run than a: the seed differs");
    let mut other = found("b", 5..10, 10, 10);
    other.head.about = serde_json::json!({"axes": ["b"], "by": {"figure": 1}});
    assert_eq!(told(&[found("a", 0..5, 5, 10), other]), "b is of another run than a: what is run differs: axes, by");
    assert!(told(&[]).contains("no part"));
}

proptest! {
    /// Wherever it breaks off, and whatever byte of a row is another, nothing wrong is read.
    #[test]
    fn a_part_is_good_up_to_where_it_is_not(cut in 0usize..400, flip in 0usize..400, bit in 0u8..8) {
        let bytes = written(&head(20), 0..20);
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let cut = first + cut % (bytes.len() - first);
        let mut reader = Reader::<_, Pair>::open("p", "pairs", &bytes[..cut]).unwrap();
        let rows: Vec<Pair> = reader.by_ref().map(Result::unwrap).collect();
        let whole = reader.whole_bytes() as usize;
        prop_assert!(whole <= cut);
        // Going on from there gives the same file.
        let mut more = bytes[..whole].to_vec();
        let mut writer = Writer::go_on("p", &mut more);
        for row in rows.len() as u64..20 {
            writer.push(&Pair(row, vec![7; (row % 5) as usize])).unwrap();
        }
        prop_assert_eq!(&more, &bytes);
        let mut flipped = bytes.clone();
        let at = first + flip % (bytes.len() - first);
        flipped[at] ^= 1 << bit;
        let read: Vec<_> = Reader::<_, Pair>::open("p", "pairs", flipped.as_slice()).unwrap().collect();
        let good = read.iter().filter_map(|row| row.as_ref().ok()).enumerate().all(|(at, row)| row.0 == at as u64);
        prop_assert!(good && read.iter().filter(|row| row.is_ok()).count() < 20);
    }

    #[test]
    fn shards_are_even_and_leave_nothing_out(total in 0u64..1_000, shards in 1u64..40) {
        let all: Vec<Range<u64>> = (1..=shards).map(|index| shard(total, index, shards)).collect();
        prop_assert_eq!((all[0].start, all[all.len() - 1].end), (0, total));
        prop_assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
        let length = |range: &Range<u64>| range.end - range.start;
        let (least, most) = (all.iter().map(length).min(), all.iter().map(length).max());
        prop_assert!(most.unwrap() - least.unwrap() <= 1);
    }
}

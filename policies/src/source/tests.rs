use super::*;

fn refused(text: &str) -> String {
    text_of(text.as_bytes()).unwrap_err().remove(0).to_string()
}

#[test]
fn ordinary_text_passes_with_either_line_end() {
    for good in [
        "",
        "a = 1\r\n# naïve é\r\n",
        "a = \"\" # \"\"\" ... ... [[[[[[[[\n",
        "a = [[1], ['x']]\n",
        "a.b.c = 'it''s'",
        "[[a.b]]\nc.d = [{ e = 1, f.g = [[[]]] }]\n",
    ] {
        assert_eq!(text_of(good.as_bytes()).unwrap(), good);
    }
}

#[test]
fn what_hides_is_refused_where_it_stands() {
    assert!(refused("\u{feff}a = 1").contains("byte order mark"));
    assert!(refused("a = 1\n# é \u{202e}x").starts_with("2:5: the character U+202E"));
    assert!(refused("a = \"x\u{200b}\"").starts_with("1:7:"));
    assert!(refused("# a\rb = 1\r\n").starts_with("1:4: the character U+000D"));
    assert!(text_of(b"a = \"\xff\"").unwrap_err()[0].to_string().starts_with("1:6: this is not UTF-8"));
    let all = "\u{200b} ".repeat(300);
    assert_eq!(text_of(all.as_bytes()).unwrap_err().len(), PROBLEMS_MAX);
}

#[test]
fn what_is_as_large_as_can_be_passes_and_one_more_does_not() {
    let of_size = |bytes: usize| format!("#{}", " ".repeat(bytes - 1));
    assert!(text_of(of_size(FILE_BYTES_MAX).as_bytes()).is_ok());
    assert_eq!(
        refused(&of_size(FILE_BYTES_MAX + 1)),
        "1:1: the file is larger than 262144 bytes (256 KiB); shorten its comments and lists"
    );
    let word = |bytes: usize| format!("a = 1\nb = {}", "1".repeat(bytes));
    assert!(text_of(word(WORD_BYTES_MAX).as_bytes()).is_ok());
    assert!(refused(&word(WORD_BYTES_MAX + 1)).starts_with("2:5: this word has 65 bytes"));
    let quoted = |bytes: usize| format!("b = \"{}\"", "1".repeat(bytes - 2));
    assert!(text_of(quoted(TEXT_BYTES_MAX).as_bytes()).is_ok());
    assert!(refused(&quoted(TEXT_BYTES_MAX + 1)).starts_with("1:5: this text has 1025 bytes"));
    let signs = |count: usize| format!("a =\n[{}", ",".repeat(count - 4));
    assert!(text_of(signs(TOKENS_MAX).as_bytes()).is_ok());
    assert!(refused(&signs(TOKENS_MAX + 1)).starts_with("2:65534: here the file has more than 65536 words"));
    for many in ["\n", "1 ", "= ", "\"\\\\\\\\\" ", "'' "] {
        assert!(refused(&many.repeat(FILE_BYTES_MAX / many.len())).contains("more than 65536 words"), "{many:?}");
    }
}

#[test]
fn what_is_as_deep_as_can_be_passes_and_one_deeper_does_not() {
    let brackets = |many: usize| format!("a = {}{}", "[".repeat(many), "]".repeat(many));
    let keys = |many: usize| format!("a{} = 1", ".'b'".repeat(many));
    let titles = |many: usize| format!("[[a{}]]\nb = 1", " . b".repeat(many));
    let tables = |many: usize| format!("a = {}1{}", "{ a.b = [ ".repeat(many), " ] }".repeat(many));
    // Each as deep as the limit, and how much deeper the next of them is.
    for (made, most) in [(&brackets as &dyn Fn(usize) -> String, 15), (&keys, 15), (&titles, 13), (&tables, 5)] {
        assert_eq!(text_of(made(most).as_bytes()).map(str::len), Ok(made(most).len()), "{}", made(most));
        let found = refused(&made(most + 1));
        assert!(found.contains("nested deeper than 16"), "{found}\n{}", made(most + 1));
    }
    assert!(refused(&brackets(1000)).starts_with("1:20: this is nested deeper"));
    // A list over lines, and what is beside each other, are no deeper for being long.
    let long = format!("a = [\n  [1, 2], # x\n  [1.5 1.5 1.5],\n{}]\n", "  { a.b = [3] },\n".repeat(100));
    assert!(text_of(long.as_bytes()).is_ok());
    assert!(refused("a = \"\"\"x\"\"\"").contains("several lines"));
    assert!(refused("a = '''x'''").contains("several lines"));
}

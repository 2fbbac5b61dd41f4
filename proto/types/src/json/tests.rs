//! What strict JSON refuses, and that the canonical form is a fixed point.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn refusal(text: &str) -> Error {
    parse(text.as_bytes()).expect_err(text)
}

#[test]
fn duplicate_members_are_refused_at_any_depth_and_however_escaped() {
    for (text, name, path) in [
        (r#"{"a":1,"a":1}"#, "a", ""),
        (r#"{"a":1,"\u0061":2}"#, "a", ""),
        (r#"{"x":[0,{"y/z":{"k":1,"b":2,"k":3}}]}"#, "k", "/x/1/y~1z"),
        (r#"{"é":1,"\u00e9":2}"#, "é", ""),
        (r#"{"😀":1,"\ud83d\ude00":2}"#, "😀", ""),
        (r#"{"":1,"":2}"#, "", ""),
    ] {
        match refusal(text) {
            Error::DuplicateMember { name: found, path: at } => {
                assert_eq!((found.as_str(), at.as_str()), (name, path), "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    // NFC and NFD are two names: nothing is normalised.
    assert!(parse("{\"\u{e9}\":1,\"e\u{301}\":2}".as_bytes()).is_ok());
}

#[test]
fn a_name_with_meaning_to_the_library_is_refused() {
    for smuggled in [
        r#"{"p":{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}}"#,
        r#"{"p":{"$serde_json::private::Number":"12"}}"#,
        r#"{"p":{"\u0024serde_json::private::Number":"1\u0032"}}"#,
        r#"{"p":{"a":1,"$serde_json::private::Number":"12"}}"#,
    ] {
        let refused = refusal(smuggled);
        let placed = matches!(&refused, Error::ReservedMember { path, .. } if path == "/p");
        assert!(placed, "{smuggled}: {refused:?}");
    }
    assert!(parse(br#"{"p":{"$serde_json::private::Number":12}}"#).is_err());
}

#[test]
fn numbers_that_no_canonical_form_holds_are_refused_in_every_notation_with_their_place() {
    for text in [
        "9007199254740992",
        "-9007199254740992",
        "18446744073709551616",
        "1000000000000000000000",
        "1e20",
        "9007199254740992.0",
        "9.007199254740993e15",
        "1e400",
        "-1e400",
    ] {
        let text = format!("{{\"a/b\":[0,{text}]}}");
        assert_eq!(refusal(&text), Error::UnsafeNumber { path: "/a~1b/1".to_owned() }, "{text}");
    }
    for text in ["9007199254740991", "-9007199254740991", "1e21", "1e-7", "-0", "1.0", "0.1"] {
        assert!(parse(text.as_bytes()).is_ok(), "{text}");
    }
    // Inside a string there are no numbers.
    assert!(parse(br#""\"99999999999999999999""#).is_ok());
}

#[test]
fn numbers_that_are_only_handed_on_keep_their_digits() {
    for number in [
        "0",
        "-0",
        "1.0",
        "1.10",
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551616",
        "1000000000000000000000000000000000000001",
        "0.1000000000000000055511151231257827",
        "1e+400",
        "1.75e+17",
        "5e-1000",
    ] {
        let text = format!("{{\"a\":[{number},{{\"b\":{number}}}]}}");
        let read = parse_lossless(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
    // The library writes the sign of every exponent.
    assert_eq!(parse_lossless(b"1E5").unwrap().to_string(), "1e+5");
    for text in ["01", "1.", "--1", "1e400x", "+1", "NaN"] {
        assert!(matches!(parse_lossless(text.as_bytes()), Err(Error::Syntax { .. })), "{text}");
    }
}

#[test]
fn numbers_print_as_ecmascript_prints_them() {
    for (text, canonical_text) in
        [("-0", "0"), ("1.0", "1"), ("1e21", "1e+21"), ("1e-400", "0"), ("5e-324", "5e-324")]
    {
        assert_eq!(
            canonical(&parse(text.as_bytes()).unwrap()),
            canonical_text.as_bytes(),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "nul",
        "{'a':1}",
        "[1,]",
        "{\"a\":1,}",
        "01",
        "+1",
        ".5",
        "1.",
        "-",
        "NaN",
        "Infinity",
        "1e",
        "1e+",
        "-x",
        "{} {}",
        "{}x",
        "{}\0",
        "\"\u{1}\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud83d\"",
        "{\"\\ud800\":1}",
        "// c\n1",
        "\"\\x\"",
        "\"open",
        "\"open\\",
    ] {
        assert!(matches!(refusal(text), Error::Syntax { .. }), "{text:?}");
    }
    assert!(matches!(parse(b"\"\xff\""), Err(Error::Syntax { .. })));
    assert!(
        matches!(parse(b"\"\xed\xa0\x80\""), Err(Error::Syntax { .. })),
        "a surrogate in UTF-8"
    );
    assert!(matches!(parse(b"\xef\xbb\xbf{}"), Err(Error::ByteOrderMark)));
    assert!(parse(b"{}\n").is_ok());
}

#[test]
fn depth_is_bounded_at_128_and_a_hundred_thousand_brackets_do_no_harm() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    assert!(parse(nested("[", "]", DEPTH_MAX).as_bytes()).is_ok());
    assert!(matches!(refusal(&nested("[", "]", DEPTH_MAX + 1)), Error::TooDeep { at: DEPTH_MAX }));
    assert!(parse(nested("{\"a\":", "}", DEPTH_MAX).as_bytes()).is_ok());
    assert!(matches!(refusal(&nested("{\"a\":", "}", 100_000)), Error::TooDeep { .. }));
    assert!(matches!(refusal(&"[".repeat(100_000)), Error::TooDeep { .. }));
    // Brackets in strings do not count.
    assert!(parse(format!("\"{}\"", "[".repeat(1_000)).as_bytes()).is_ok());
}

#[test]
fn values_are_bounded_by_count_so_that_a_text_of_a_mib_takes_a_few_mib_once_it_is_read() {
    let ones = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    // The array is one too.
    assert!(parse(ones(VALUES_MAX - 1).as_bytes()).is_ok());
    let refused = refusal(&ones(VALUES_MAX));
    // After the bracket each value but the last has two bytes.
    assert_eq!(refused, Error::TooMany { at: 2 * VALUES_MAX - 2, values_max: VALUES_MAX });
    assert_eq!(refused.to_string(), "more than 100000 values at byte 199998");
    for part in ["[],", "{},", "{\"a\":1},", "\"\","] {
        let many = format!("[{}1]", part.repeat(VALUES_MAX));
        assert!(matches!(refusal(&many), Error::TooMany { .. }), "{part}");
    }
    // Nothing in a string counts, and a long text may have more: a list of documents.
    assert!(parse(format!("\"{}\"", "[,{".repeat(VALUES_MAX)).as_bytes()).is_ok());
    let long = format!("[{}1]", "\"as long as texts are\",".repeat(VALUES_MAX + 1));
    assert!(parse(long.as_bytes()).is_ok());
}

#[test]
fn a_wrong_shape_is_told_from_wrong_json() {
    assert!(matches!(from_strict::<Vec<u8>>(b"{}"), Err(Error::Shape { .. })));
    assert!(matches!(from_strict::<Vec<u8>>(b"["), Err(Error::Syntax { .. })));
    assert_eq!(from_strict::<Vec<u8>>(b"[1,2]").unwrap(), [1, 2]);
}

#[test]
fn a_document_that_is_handed_on_is_checked_for_all_that_a_reading_refuses() {
    for (text, is_an_object) in [
        ("{}", true),
        (" {\"a\":{\"b\":[1,\"x\",{\"a\":null}]},\"b\":1e400}\n", true),
        ("[{\"a\":1},{\"a\":1}]", false),
        ("\"{}\"", false),
        ("-0.5", false),
        ("18446744073709551616", false),
        ("null", false),
    ] {
        assert_eq!(is_object(text.as_bytes()), Ok(is_an_object), "{text}");
    }
    let refusal = |text: &str| is_object(text.as_bytes()).expect_err(text);
    let (name, path) = ("k".to_owned(), "/x/1/y~1z".to_owned());
    let twice = r#"{"x":[0,{"y/z":{"k":1,"b":2,"\u006b":3}}]}"#;
    assert_eq!(refusal(twice), Error::DuplicateMember { name, path });
    let smuggled = r#"{"p":[{"$serde_json::private::RawValue":"1"}]}"#;
    assert!(matches!(refusal(smuggled), Error::ReservedMember { path, .. } if path == "/p/0"));
    assert!(matches!(refusal(&"[".repeat(1_000)), Error::TooDeep { at: DEPTH_MAX }));
    assert!(matches!(refusal(&"[],".repeat(VALUES_MAX)), Error::TooMany { .. }));
    assert!(matches!(refusal("\u{feff}{}"), Error::ByteOrderMark));
    assert!(matches!(refusal("{\"a\":01}"), Error::Syntax { .. }));
}

#[test]
fn the_first_number_that_is_not_held_is_found_beside_the_member_that_is_left_out() {
    let value = serde_json::json!({ "a": 1, "b": [1e20], "c": [0, 9_007_199_254_740_992_u64] });
    let refused = |path: &str| Err(Error::UnsafeNumber { path: path.to_owned() });
    assert_eq!(check_numbers_without(&value, "a"), refused("/b/0"));
    assert_eq!(check_numbers_without(&value, "b"), refused("/c/1"));
    assert_eq!(check_numbers_without(&value["c"], "c"), refused("/1"));
    assert_eq!(check_numbers_without(&value["a"], "a"), Ok(()));
}

/// Texts of values whose objects have few names, so that some stand there twice.
fn few_names() -> impl Strategy<Value = String> {
    static LEAVES: &[&str] = &["1", "-0", "1e400", "\"x\"", "\"\\ud800\"", "null", "true"];
    static NAMES: &[&str] = &[
        "a",
        "\\u0061",
        "b/~",
        "",
        "$serde_json::private::Number",
        "\\u0024serde_json::private::Number",
        "$serde_json::private::RawValue",
    ];
    let leaf = prop::sample::select(LEAVES).prop_map(ToOwned::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let member = (prop::sample::select(NAMES), inner.clone());
        let member = member.prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        (-(INTEGER_MAX as i64)..=INTEGER_MAX as i64).prop_map(Value::from),
        any::<f64>().prop_map(|double| if double.is_finite() { double } else { 0.5 }.into()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_canonical_form_of_what_is_read_reads_as_itself(value in any_value()) {
        let text = serde_json::to_vec(&value).unwrap();
        if let Ok(read) = parse(&text) {
            let once = canonical(&read);
            let again = parse(&once).unwrap();
            prop_assert_eq!(canonical(&again), once);
        }
    }

    #[test]
    fn values_with_safe_numbers_are_read_as_they_were_written(value in any_value()) {
        let text = serde_json::to_vec(&value).unwrap();
        match parse(&text) {
            Ok(read) => prop_assert_eq!(read, value),
            Err(error) => prop_assert!(matches!(error, Error::UnsafeNumber { .. }), "{:?}", error),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_soup_of_json_tokens_is_read_or_refused_without_a_panic(
        soup in "([\\[\\]{}:,\" \\\\]|true|null|-|[0-9]{1,20}|e|\\.|\\\\u[0-9a-f]{4}|a){0,60}"
    ) {
        if let Ok(value) = parse(soup.as_bytes()) {
            prop_assert!(serde_json::from_str::<Value>(&soup).is_ok());
            let _ = canonical(&value);
        }
    }

    #[test]
    fn what_is_only_checked_is_refused_as_what_is_read(
        text in few_names(),
        value in any_value(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]\",:\\0e "[..])],
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let written = serde_json::to_vec(&value).unwrap();
        let changed = |text: &[u8]| {
            let mut text = text.to_vec();
            *at.get_mut(&mut text) = byte;
            text
        };
        let damaged = [changed(text.as_bytes()), changed(&written)];
        for text in damaged.into_iter().chain([text.into_bytes(), written, noise]) {
            let read = parse_lossless(&text).map(|value| value.is_object());
            prop_assert_eq!(is_object(&text), read, "{:?}", String::from_utf8_lossy(&text));
        }
    }
}

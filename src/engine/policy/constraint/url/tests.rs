use super::*;

fn answer(pattern: &str, text: &str) -> Option<Holding> {
    judge(&[UrlPattern::parse(pattern).unwrap()], text)
}

const YES: Option<Holding> = Some(Holding::Yes);
const NO: Option<Holding> = Some(Holding::No);

#[test]
fn a_pattern_is_a_url_with_wildcards() {
    for (pattern, text, expected) in [
        ("https://a.example/**", "https://a.example/", YES),
        ("https://a.example/**", "https://a.example", YES),
        ("https://a.example", "https://a.example/", YES),
        ("https://a.example", "https://a.example/x", NO),
        (
            "https://a.example/**",
            "https://A.example.:443/x/y?q=1#f",
            YES,
        ),
        ("https://a.example/api/**", "https://a.example/api/x", YES),
        ("https://a.example/api/**", "https://a.example/%61pi/x", YES),
        ("https://a.example/api/**", "https://a.example/apix", NO),
        ("https://a.example/api/**", "https://a.example/API/x", None),
        ("https://a.example/api/*", "https://a.example/api/x/y", NO),
        ("https://a.example/**", "http://a.example/", NO),
        ("https://a.example/**", "https://a.example:8443/", None),
        ("https://a.example:8443/**", "https://a.example:8443/", YES),
        ("https://a.example:8443/**", "https://a.example/", NO),
        ("https://*.a.example/**", "https://x.a.example/", YES),
        ("https://*.a.example/**", "https://a.example/", NO),
        ("https://a.example/**", "https://a.example.evil.net/", NO),
        ("http://127.0.0.1:3000/**", "http://127.0.0.1:3000/x", YES),
        (
            "http://127.0.0.1:3000/**",
            "http://[::ffff:127.0.0.1]:3000/x",
            YES,
        ),
        ("https://**/**", "https://10.0.0.1/", None),
        ("https://**/**", "https://localhost/", None),
        ("https://**/**", "https://example.com/", YES),
    ] {
        assert_eq!(answer(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn what_two_parsers_read_differently_cannot_be_told() {
    for text in [
        "https://a.example@evil.net/",
        "https://user:pass@a.example/",
        "https://a.example\\@evil.net/",
        "https://evil.net\\.a.example/",
        "https://a.example#@evil.net/",
        "https://a.example?@evil.net/",
        "https://a.example;@evil.net/",
        "https:a.example/",
        "https:/a.example/",
        "https:///a.example/",
        "//a.example/",
        "a.example/",
        " https://a.example/",
        "https://a.example/\n",
        "https://a.exa\tmple/",
        "https://a.example/\u{0}",
        "HTTPS://a.example/",
        "https://a%2eexample/",
        "https://a\u{3002}example/",
        "https://a.example:/",
        "https://a.example:0443/",
        "https://a.example:443:80/",
        "https://a.example:99999/",
        "https://[a.example]/",
        "https://a[.example/",
        "https://a.example/x/../y",
        "https://a.example/x/%2e%2e/y",
        "https://a.example/x/.%2E/y",
        "https://a.example/x/%252e%252e/y",
        "https://a.example/x%2fy",
        "https://a.example/x%5cy",
        "https://a.example/x//y",
        "https://a.example/x/..;/y",
        "https://a.example/%zz",
        "https://a.example/%",
        "https://a.example/%ff",
        "https://a.example/%+1",
        "https://a.example/%00",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "gopher://a.example/",
        "data:text/html,x",
        "https://a.example/{x}",
        "",
    ] {
        assert_eq!(answer("https://a.example/**", text), None, "{text}");
    }
    let long = format!("https://a.example/{}", "a".repeat(LONGEST));
    assert_eq!(answer("https://a.example/**", &long), None);
}

#[test]
fn private_addresses_pass_in_no_spelling_unless_said() {
    let open = |private| {
        let parts = UrlParts {
            private,
            ports: vec![80, 8080],
            ..UrlParts::default()
        };
        UrlPattern::of(&parts).unwrap()
    };
    for (text, private) in [
        ("http://127.0.0.1/", YES),
        ("http://10.1.2.3:8080/", YES),
        ("http://[::1]/", YES),
        ("http://[fd00::1]/", YES),
        ("http://localhost/", YES),
        ("http://printer/", YES),
        ("http://db.internal/", YES),
        ("http://[::ffff:10.0.0.1]/", YES),
        ("http://169.254.169.254/latest", None),
        ("http://[::ffff:169.254.169.254]/", None),
        ("http://[fe80::1]/", None),
        ("http://0.0.0.0/", None),
        ("http://metadata.google.internal/", None),
        ("http://127.1/", None),
        ("http://2130706433/", None),
        ("http://0x7f.0.0.1/", None),
        ("http://017700000001/", None),
    ] {
        assert_eq!(judge(&[open(true)], text), private, "{text}");
        assert_eq!(judge(&[open(false)], text), None, "{text}");
    }
    assert_eq!(judge(&[open(false)], "http://93.184.216.34/"), YES);
}

/// Two other parsers, by two standards, read the same host, scheme and port in
/// whatever is read at all, and the same path in what is compared.
fn others_agree(text: &str) {
    let Some(own) = Url::parse(text) else {
        return;
    };
    let whatwg = url::Url::parse(text).unwrap();
    let host = whatwg.host_str().unwrap();
    assert_eq!(Host::parse(host), Some(own.host.clone()), "{text}");
    assert_eq!(whatwg.scheme(), own.scheme, "{text}");
    assert_eq!(whatwg.port_or_known_default(), Some(own.port), "{text}");
    assert!(whatwg.username().is_empty() && whatwg.password().is_none());
    if let Some(path) = decoded(own.path) {
        let theirs = decoded(whatwg.path());
        assert_eq!(theirs.as_ref(), Some(&path), "{text}");
    }
    let rfc: hyper::Uri = text.split('#').next().unwrap().parse().unwrap();
    assert_eq!(Host::parse(rfc.host().unwrap()), Some(own.host), "{text}");
    assert_eq!(rfc.port_u16().unwrap_or(own.own_port), own.port, "{text}");
}

proptest::proptest! {
    #[test]
    fn other_parsers_agree(
        text in r"(https?|ftp|wss?)://[a-zA-Z0-9._\[\]:@%\\-]{1,14}(:[0-9]{1,5})?[/?#a-z@:;.%2eEfF\\]{0,10}"
    ) {
        others_agree(&text);
    }

    #[test]
    fn other_parsers_agree_about_plain_ones(
        text in r"https?://([a-zA-Z0-9_-]{1,5}\.){0,3}[a-z][a-z0-9]{0,3}\.?(:[1-9][0-9]{0,3})?(/[a-z0-9.%;@:]{0,4}){0,4}(\?[a-z=&@/]{0,5})?(#[a-z@/]{0,3})?"
    ) {
        others_agree(&text);
    }
}

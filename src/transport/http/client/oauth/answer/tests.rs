//! Answers of authorization servers, good and bad.

use super::*;

/// Status, body, and what comes of it: how long it lasts, or what is told.
const TOKENS: &[(u16, &str, Result<u64, &str>)] = &[
    (
        200,
        r#"{"access_token":"t","token_type":"Bearer","expires_in":60}"#,
        Ok(60),
    ),
    (
        200,
        "{\n\"access_token\":\"t\",\n\"token_type\":\"bearer\"\n}\n",
        Ok(300),
    ),
    (
        200,
        r#"{"access_token":"t","token_type":"bearer","expires_in":"90"}"#,
        Ok(90),
    ),
    (
        200,
        r#"{"access_token":"t","token_type":"bearer","expires_in":99999999}"#,
        Ok(86400),
    ),
    (
        200,
        r#"{"access_token":"t","token_type":"bearer","expires_in":-1}"#,
        Err("life"),
    ),
    (
        200,
        r#"{"access_token":"t","token_type":"DPoP"}"#,
        Err("another kind"),
    ),
    (200, r#"{"access_token":"t"}"#, Err("another kind")),
    (
        200,
        r#"{"access_token":"own","token_type":"bearer"}"#,
        Err("own token back"),
    ),
    (
        200,
        r#"{"access_token":"a b","token_type":"bearer"}"#,
        Err("no header"),
    ),
    (
        200,
        r#"{"access_token":"a\r\nX: y","token_type":"bearer"}"#,
        Err("no header"),
    ),
    (
        200,
        r#"{"access_token":"","token_type":"bearer"}"#,
        Err("no header"),
    ),
    (
        200,
        r#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#,
        Err("has none"),
    ),
    (200, r#"{"token_type":"bearer"}"#, Err("has none")),
    (200, "<html>s3cret", Err("has none")),
    (
        201,
        r#"{"access_token":"t","token_type":"bearer"}"#,
        Err("HTTP 201)"),
    ),
    (
        401,
        r#"{"error":"invalid_client","error_description":"s3cret"}"#,
        Err("`invalid_client`"),
    ),
    (400, r#"{"error":"s3cret"}"#, Err("HTTP 400)")),
    (302, "", Err("HTTP 302)")),
];

#[test]
fn tokens_are_read_strictly() {
    let subject = ShownToken::new("own", Duration::MAX);
    for (status, body, expected) in TOKENS.iter().copied() {
        let status = StatusCode::from_u16(status).unwrap();
        let told = granted(status, body.as_bytes().to_vec(), Some(&subject));
        match (told, expected) {
            (Ok(told), Ok(lasts)) => {
                assert_eq!(told.lasts.as_secs(), lasts, "{body}");
                assert!(told.header.is_sensitive());
            }
            (Err(told), Err(expected)) => {
                let told = told.to_string();
                assert!(
                    told.contains(expected) && !told.contains("s3cret"),
                    "{told}"
                );
            }
            (told, _) => panic!("{body}: {told:?}"),
        }
    }
}

#[test]
fn metadata_are_the_issuers_own() {
    let issuer = ServerUrl::parse("https://idp.example/t").unwrap();
    for (body, expected) in [
        (
            r#"{"issuer":"https://idp.example/t","token_endpoint":"https://x.example/token"}"#,
            Ok("https://x.example/token"),
        ),
        (
            r#"{"issuer":"https://idp.example/t/","token_endpoint":"https://x.example/token"}"#,
            Err("another issuer"),
        ),
        (
            r#"{"issuer":"https://idp.example/t"}"#,
            Err("no token endpoint"),
        ),
        (
            r#"{"issuer":"https://idp.example/t","token_endpoint":"http://x.example/token"}"#,
            Err("without encryption"),
        ),
        (
            r#"{"issuer":"https://idp.example/t","token_endpoint":"http://127.0.0.1/token"}"#,
            Err("without encryption"),
        ),
        (
            r#"{"issuer":"https://idp.example/t","token_endpoint":"https://169.254.169.254/"}"#,
            Err("no good URL"),
        ),
        (
            r#"{"issuer":"https://idp.example/t","token_endpoint":"https://u:p@x.example/"}"#,
            Err("no good URL"),
        ),
        ("", Err("cannot be read")),
    ] {
        let told = endpoint(&issuer, body.as_bytes().to_vec());
        match (told, expected) {
            (Ok(url), Ok(expected)) => assert_eq!(url.whole(), expected),
            (Err(told), Err(expected)) => {
                assert!(told.to_string().contains(expected), "{told}");
            }
            (told, _) => panic!("{body}: {told:?}"),
        }
    }
}

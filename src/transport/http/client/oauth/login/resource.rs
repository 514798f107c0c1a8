//! What a server says of itself: its authorization servers (RFC 9728).

use crate::engine::message::{Document, Json};
use crate::engine::policy::is_scope;
use crate::engine::url::ServerUrl;

/// A server's own metadata.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// The server has said so itself.
    pub(super) is_told: bool,
    /// What it is called by its authorization servers.
    pub(super) id: String,
    pub(super) issuers: Vec<String>,
    /// All its scopes, separated by spaces.
    pub(super) scopes: Option<String>,
}

/// Where they are if the server does not say: first those of this very path.
pub(super) fn places(server: &ServerUrl) -> Vec<String> {
    const AT: &str = "/.well-known/oauth-protected-resource";
    let origin = server.origin();
    let path = server.without_query().strip_prefix(origin);
    let path = path.unwrap_or_default();
    let mut places = vec![format!("{origin}{AT}")];
    if !matches!(path, "" | "/") {
        places.insert(0, format!("{origin}{AT}{path}"));
    }
    places
}

/// Reads them.
pub(super) fn read(server: &ServerUrl, document: &Document) -> Result<Resource, &'static str> {
    let root = document.root();
    let id = root.get("resource").and_then(Json::as_str);
    let id = id.ok_or("do not say of which resource they are")?;
    let covered = ServerUrl::parse(&id).is_ok_and(|id| covers(&id, server));
    if !covered {
        // A token for somebody else would be shown to this server.
        return Err("are of another resource than this server");
    }
    let texts = |key: &str| -> Vec<String> {
        let items = root.get(key).into_iter().flat_map(Json::items);
        items.filter_map(Json::as_str).map(String::from).collect()
    };
    let scopes = texts("scopes_supported").join(" ");
    let issuers = texts("authorization_servers");
    if issuers.is_empty() {
        return Err("name no authorization server");
    }
    Ok(Resource {
        is_told: true,
        id: id.into_owned(),
        issuers,
        scopes: Some(scopes).filter(|scopes| is_scope(scopes)),
    })
}

/// Whether a resource is the server, or the part of its machine that it is in.
fn covers(resource: &ServerUrl, server: &ServerUrl) -> bool {
    let place = |url: &ServerUrl| (url.host().to_ascii_lowercase(), url.port(), url.is_secure());
    let rest = path(server).strip_prefix(path(resource));
    let inside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    place(resource) == place(server) && inside && !resource.has_query()
}

/// Without the `/` at its end, which is said or left out as one pleases.
fn path(url: &ServerUrl) -> &str {
    let path = url.without_query().strip_prefix(url.origin());
    let path = path.unwrap_or_default();
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::Limits;

    fn url(text: &str) -> ServerUrl {
        ServerUrl::parse(text).unwrap()
    }

    #[test]
    fn metadata_are_looked_for_where_mcp_says() {
        for (server, expected) in [
            (
                "https://a.example/public/mcp?key=s3cret",
                &[
                    "https://a.example/.well-known/oauth-protected-resource/public/mcp",
                    "https://a.example/.well-known/oauth-protected-resource",
                ][..],
            ),
            (
                "https://a.example:8443/",
                &["https://a.example:8443/.well-known/oauth-protected-resource"],
            ),
            (
                "https://a.example",
                &["https://a.example/.well-known/oauth-protected-resource"],
            ),
        ] {
            assert_eq!(places(&url(server)), expected);
        }
    }

    #[test]
    fn metadata_are_the_servers_own() {
        let server = url("https://mcp.example/v1/mcp?key=1");
        for (resource, expected) in [
            ("https://mcp.example/v1/mcp", true),
            ("https://mcp.example/v1/mcp/", true),
            ("https://MCP.example:443/v1", true),
            ("https://mcp.example", true),
            ("https://mcp.example/v1/mc", false),
            ("https://mcp.example/v1/mcp/x", false),
            ("https://mcp.example/v1/mcp?key=1", false),
            ("http://mcp.example/v1/mcp", false),
            ("https://mcp.example:8443/v1/mcp", false),
            ("https://evil.example/v1/mcp", false),
            ("https://mcp.example@evil.example/", false),
            ("mcp", false),
        ] {
            let text = format!(r#"{{"resource":"{resource}","authorization_servers":["i"]}}"#);
            let document = Document::read(text.into_bytes(), &Limits::DEFAULT).unwrap();
            assert_eq!(read(&server, &document).is_ok(), expected, "{resource}");
        }
    }

    #[test]
    fn what_is_said_is_read() {
        let server = url("https://a.example");
        let of = |rest: &str| {
            let text = format!(r#"{{"resource":"https://a.example"{rest}}}"#);
            let document = Document::read(text.into_bytes(), &Limits::DEFAULT).unwrap();
            read(&server, &document)
        };
        let issuers = r#","authorization_servers":["i","j"]"#;
        for (scopes, expected) in [
            (r#","scopes_supported":["a","b"]"#, Some("a b")),
            (r#","scopes_supported":["a\"b"]"#, None),
            (r#","scopes_supported":[]"#, None),
            ("", None),
        ] {
            let read = of(&format!("{issuers}{scopes}")).unwrap();
            assert_eq!(read.issuers, ["i", "j"]);
            assert_eq!(read.scopes.as_deref(), expected);
        }
        for none in [
            "",
            r#","authorization_servers":[]"#,
            r#","authorization_servers":"i""#,
        ] {
            assert!(of(none).is_err(), "{none}");
        }
    }
}

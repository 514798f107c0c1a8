//! Why something does not pass: the stable reason codes.

/// A reason for a denial or a drop. Codes never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The message could not be read; the code is the reader's.
    Malformed(&'static str),
    /// No revision defines the method.
    UnknownMethod,
    /// The method does not travel this way.
    WrongDirection,
    /// A request method without an id, or a notification method with one.
    WrongShape,
    /// Params are not of the method's shape.
    InvalidParams,
    /// The id is in use by a request without an answer.
    DuplicateId,
    /// More requests without an answer than lockgate keeps.
    TooManyPending,
    /// An answer nobody waits for.
    UnsolicitedResponse,
    /// Cancels or reports on a request that is not under way.
    UnknownRequest,
    /// A result is not of the method's shape.
    InvalidResult,
    /// The server offers no such tool.
    UnknownTool,
    /// The tool has no pin.
    UnpinnedTool,
    /// The tool's definition differs from its pin.
    DriftedTool,
    /// First use of a definition that the inspection objects to.
    SuspectTool,
    /// The tool's `x-mcp-header` annotations break the rules of its transport.
    InvalidMirror,
    /// A request of the server in an era that knows none.
    WrongEra,
    /// Two definitions of the same name.
    DuplicateTool,
    /// More tools, or larger ones, than lockgate keeps.
    TooManyTools,
    /// The server's tools could not be verified.
    VerificationFailed,
    /// The server did not list its tools in time.
    VerificationTimeout,
    /// More messages wait for a verification than lockgate keeps.
    TooManyHeld,
    /// The pin of first use could not be kept.
    PinNotSaved,
    /// Reaches a secret place.
    SecretPlace,
    /// Reaches lockgate's own files or a client's configuration.
    SelfProtection,
    /// A path whose target could not be told.
    UnresolvablePath,
    /// An argument that the pinned schema does not declare.
    UndeclaredArgument,
    /// An argument that the pinned schema does not accept.
    SchemaViolation,
    /// The pinned schema cannot be used to judge anything.
    SchemaUnusable,
    /// A `requestState` that is not the one given for this request, that has
    /// expired, or that was presented before.
    RequestState,
    /// A forbid rule matches.
    Forbidden,
    /// No permit rule is satisfied.
    NotPermitted,
    /// A permit rule would be, with a token that is good for more.
    InsufficientScope,
    /// An ask rule matches, and nobody can approve anything yet.
    ApprovalNeeded,
    /// A permit rule would be satisfied, had its limit not been reached.
    Limit,
    /// An answer is not as the permits of its request want it.
    ResultRefused,
    /// The decision could not be recorded, or an obligation failed.
    NotRecorded,
    /// The server has ended.
    ServerExited,
    /// The agent took it back while it waited.
    Cancelled,
    /// There is no way to whom it is for: no stream, no counterpart in its era, or
    /// nobody who takes it.
    Undelivered,
}

impl Reason {
    /// All but the reader's.
    pub const ALL: &'static [Self] = &[
        Self::UnknownMethod,
        Self::WrongDirection,
        Self::WrongShape,
        Self::InvalidParams,
        Self::DuplicateId,
        Self::TooManyPending,
        Self::UnsolicitedResponse,
        Self::UnknownRequest,
        Self::InvalidResult,
        Self::UnknownTool,
        Self::UnpinnedTool,
        Self::DriftedTool,
        Self::SuspectTool,
        Self::InvalidMirror,
        Self::WrongEra,
        Self::DuplicateTool,
        Self::TooManyTools,
        Self::VerificationFailed,
        Self::VerificationTimeout,
        Self::TooManyHeld,
        Self::PinNotSaved,
        Self::SecretPlace,
        Self::SelfProtection,
        Self::UnresolvablePath,
        Self::UndeclaredArgument,
        Self::SchemaViolation,
        Self::SchemaUnusable,
        Self::RequestState,
        Self::Forbidden,
        Self::NotPermitted,
        Self::InsufficientScope,
        Self::ApprovalNeeded,
        Self::Limit,
        Self::ResultRefused,
        Self::NotRecorded,
        Self::ServerExited,
        Self::Cancelled,
        Self::Undelivered,
    ];

    /// The stable kebab-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed(code) => code,
            Self::UnknownMethod => "unknown-method",
            Self::WrongDirection => "wrong-direction",
            Self::WrongShape => "wrong-shape",
            Self::InvalidParams => "invalid-params",
            Self::DuplicateId => "duplicate-id",
            Self::TooManyPending => "too-many-pending",
            Self::UnsolicitedResponse => "unsolicited-response",
            Self::UnknownRequest => "unknown-request",
            Self::InvalidResult => "invalid-result",
            Self::UnknownTool => "unknown-tool",
            Self::UnpinnedTool => "unpinned-tool",
            Self::DriftedTool => "drifted-tool",
            Self::SuspectTool => "suspect-tool",
            Self::InvalidMirror => "invalid-mirror",
            Self::WrongEra => "wrong-era",
            Self::DuplicateTool => "duplicate-tool",
            Self::TooManyTools => "too-many-tools",
            Self::VerificationFailed => "verification-failed",
            Self::VerificationTimeout => "verification-timeout",
            Self::TooManyHeld => "too-many-held",
            Self::PinNotSaved => "pin-not-saved",
            Self::SecretPlace => "secret-place",
            Self::SelfProtection => "self-protection",
            Self::UnresolvablePath => "unresolvable-path",
            Self::UndeclaredArgument => "undeclared-argument",
            Self::SchemaViolation => "schema-violation",
            Self::SchemaUnusable => "schema-unusable",
            Self::RequestState => "request-state",
            Self::Forbidden => "forbidden",
            Self::NotPermitted => "not-permitted",
            Self::InsufficientScope => "insufficient-scope",
            Self::ApprovalNeeded => "approval-needed",
            Self::Limit => "limit",
            Self::ResultRefused => "result-refused",
            Self::NotRecorded => "not-recorded",
            Self::ServerExited => "server-exited",
            Self::Cancelled => "cancelled",
            Self::Undelivered => "undelivered",
        }
    }

    /// The JSON-RPC error code of a refusal.
    ///
    /// -32700 to -32600 as JSON-RPC 2.0 section 5.1 defines them; everything
    /// else is -32010, in the range that MCP 2026-07-28 leaves to implementations
    /// and that no SDK uses.
    pub fn json_rpc(self) -> i32 {
        match self {
            Self::UnknownMethod => -32601,
            Self::InvalidParams | Self::RequestState => -32602,
            Self::Malformed("invalid-json" | "invalid-utf8" | "byte-order-mark") => -32700,
            Self::Malformed(_)
            | Self::WrongDirection
            | Self::WrongShape
            | Self::WrongEra
            | Self::DuplicateId => -32600,
            _ => DENIED,
        }
    }
}

/// The JSON-RPC error code of a denial.
pub const DENIED: i32 = -32010;

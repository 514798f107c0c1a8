//! The method table: every method of the five protocol revisions, both
//! directions, and the tasks extension of 2026-07-28.
//!
//! A name that no revision defines is a value, [`Method::Unknown`], so that
//! whoever looks at a method has to say what happens then.

/// Which way a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the agent (downstream) to the server (upstream).
    ToServer,
    /// From the server (upstream) to the agent (downstream).
    ToAgent,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::ToServer => Self::ToAgent,
            Self::ToAgent => Self::ToServer,
        }
    }

    /// Who sent a message that travels this way: the one to blame for it.
    pub fn sender(self) -> &'static str {
        match self {
            Self::ToServer => "downstream",
            Self::ToAgent => "upstream",
        }
    }
}

/// A JSON-RPC method, or what a peer sent in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A method that some revision defines.
    Known(KnownMethod),
    /// Any other name.
    Unknown(String),
}

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $shape:ident, $way:ident;)*) => {
        /// Every method that some revision defines.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum KnownMethod {
            $($(#[$doc])* #[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl KnownMethod {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether it is a request or a notification.
            pub fn shape(self) -> Shape {
                match self { $(Self::$variant => Shape::$shape,)* }
            }

            /// Which way it may travel.
            pub fn way(self) -> Way {
                match self { $(Self::$variant => Way::$way,)* }
            }

            fn find(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

/// Whether a method expects an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Has an id and is answered.
    Request,
    /// Has no id and is never answered.
    Notification,
}

/// Which way a method may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the agent to the server only.
    Up,
    /// From the server to the agent only.
    Down,
    /// Both ways.
    Both,
}

impl Way {
    /// Whether it covers `direction`.
    pub fn covers(self, direction: Direction) -> bool {
        match self {
            Self::Up => direction == Direction::ToServer,
            Self::Down => direction == Direction::ToAgent,
            Self::Both => true,
        }
    }
}

methods! {
    Initialize = "initialize", Request, Up;
    Discover = "server/discover", Request, Up;
    Ping = "ping", Request, Both;
    ListTools = "tools/list", Request, Up;
    CallTool = "tools/call", Request, Up;
    ListPrompts = "prompts/list", Request, Up;
    GetPrompt = "prompts/get", Request, Up;
    ListResources = "resources/list", Request, Up;
    ListResourceTemplates = "resources/templates/list", Request, Up;
    ReadResource = "resources/read", Request, Up;
    SubscribeResource = "resources/subscribe", Request, Up;
    UnsubscribeResource = "resources/unsubscribe", Request, Up;
    Complete = "completion/complete", Request, Up;
    SetLogLevel = "logging/setLevel", Request, Up;
    Listen = "subscriptions/listen", Request, Up;
    CreateMessage = "sampling/createMessage", Request, Down;
    Elicit = "elicitation/create", Request, Down;
    ListRoots = "roots/list", Request, Down;
    GetTask = "tasks/get", Request, Both;
    TaskResult = "tasks/result", Request, Both;
    CancelTask = "tasks/cancel", Request, Both;
    ListTasks = "tasks/list", Request, Both;
    UpdateTask = "tasks/update", Request, Up;
    Initialized = "notifications/initialized", Notification, Up;
    Cancelled = "notifications/cancelled", Notification, Both;
    Progress = "notifications/progress", Notification, Both;
    LogMessage = "notifications/message", Notification, Down;
    ToolsChanged = "notifications/tools/list_changed", Notification, Down;
    PromptsChanged = "notifications/prompts/list_changed", Notification, Down;
    ResourcesChanged = "notifications/resources/list_changed", Notification, Down;
    ResourceUpdated = "notifications/resources/updated", Notification, Down;
    RootsChanged = "notifications/roots/list_changed", Notification, Up;
    ElicitationComplete = "notifications/elicitation/complete", Notification, Down;
    ListenAcknowledged = "notifications/subscriptions/acknowledged", Notification, Down;
    TaskStatus = "notifications/tasks/status", Notification, Both;
    TaskChanged = "notifications/tasks", Notification, Down;
}

impl Method {
    /// Looks a name up; exact, since methods are case-sensitive.
    pub fn of(name: &str) -> Self {
        KnownMethod::find(name).map_or_else(|| Self::Unknown(name.to_owned()), Self::Known)
    }

    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name(),
            Self::Unknown(name) => name,
        }
    }
}

/// The protocol revisions that lockgate knows.
pub const REVISIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    "2026-07-28",
];

/// How a peer keeps state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Up to 2025-11-25: a handshake opens a session.
    Legacy,
    /// 2026-07-28: each request carries all there is to know.
    Modern,
}

//! The rows of programs that print secrets, with what says so.

use super::Row;

/// A row with its words in the order of [`Row`].
macro_rules! rows {
    ($($programs:literal, $verb:literal, $with:literal, $without:literal, $tells:literal, $source:literal;)*) => {
        /// Every row.
        pub(super) const ROWS: &[Row] = &[$(Row {
            programs: $programs,
            verb: $verb,
            with: $with,
            without: $without,
            tells: $tells,
            source: $source,
        }),*];
    };
}

// Programs, verb, what has to be there, what may not, what comes out, source.
rows! {
    "gh", "auth token", "", "",
        "`gh auth token` prints the token of GitHub", "GitHub CLI manual";
    "gh", "auth status", "--show-token -t", "",
        "`gh auth status --show-token` prints the token of GitHub", "GitHub CLI manual";
    "gh", "auth git-credential get", "", "",
        "`gh auth git-credential` prints the token of GitHub", "GitHub CLI source, used as git's helper";
    "gh glab", "config get *token*", "", "",
        "`config get` prints the token of GitHub or GitLab", "GitHub CLI and glab manuals";
    "glab", "auth status", "--show-token -t", "",
        "`glab auth status -t` prints the token of GitLab", "glab manual";
    "gcloud", "auth print-access-token|print-identity-token", "", "",
        "`gcloud auth print-access-token` prints a token of Google Cloud", "gcloud reference";
    "gcloud", "auth application-default print-access-token", "", "",
        "`gcloud auth application-default` prints a token of Google Cloud", "gcloud reference";
    "gcloud", "config config-helper", "", "",
        "`gcloud config config-helper` prints a token of Google Cloud", "gcloud reference";
    "gcloud", "secrets versions access", "", "",
        "`gcloud secrets versions access` prints a stored secret", "gcloud reference";
    "aws", "configure export-credentials", "", "",
        "`aws configure export-credentials` prints the keys of AWS", "AWS CLI reference";
    "aws", "configure get *secret*|*session_token*", "", "",
        "`aws configure get` prints a key of AWS", "AWS CLI reference";
    "aws", "sts get-session-token|get-federation-token|assume-role*", "", "",
        "`aws sts` prints new keys of AWS", "AWS CLI reference";
    "aws", "secretsmanager get-secret-value|batch-get-secret-value", "", "",
        "`aws secretsmanager` prints a stored secret", "AWS CLI reference";
    "aws", "ssm get-parameter*", "--with-decryption", "",
        "`aws ssm get-parameter --with-decryption` prints a stored secret", "AWS CLI reference";
    "aws", "codeartifact get-authorization-token", "", "",
        "`aws codeartifact` prints a token", "AWS CLI reference";
    "aws", "eks get-token", "", "",
        "`aws eks get-token` prints a token of Kubernetes", "AWS CLI reference";
    "az", "account get-access-token", "", "",
        "`az account get-access-token` prints a token of Azure", "Azure CLI reference";
    "az", "keyvault secret show|download", "", "",
        "`az keyvault secret` prints a stored secret", "Azure CLI reference";
    "az", "acr credential show", "", "",
        "`az acr credential show` prints the password of a registry", "Azure CLI reference";
    "az", "storage account keys list", "", "",
        "`az storage account keys list` prints the keys of a storage account", "Azure CLI reference";
    "kubectl oc k3s kubecolor", "config view", "--raw --raw=true", "",
        "`kubectl config view --raw` prints the keys of clusters", "kubectl reference";
    "kubectl oc kubecolor", "get secret|secrets|secret/*|secrets/*|secret,*|secrets,*|*,secret|*,secrets", "-o* --output* --template*", "name wide -oname -owide -o=name -o=wide --output=name --output=wide",
        "`kubectl get secret -o` prints stored secrets", "kubectl reference";
    "kubectl oc", "create token", "", "",
        "`kubectl create token` prints a token of Kubernetes", "kubectl reference";
    "oc", "whoami", "-t --show-token", "",
        "`oc whoami -t` prints a token of OpenShift", "oc reference";
    "kind", "get kubeconfig", "", "",
        "`kind get kubeconfig` prints the key of a cluster", "kind documentation";
    "gpg gpg2", "", "--export-secret*", "",
        "`gpg --export-secret-keys` prints private keys", "gpg(1)";
    "security", "find-generic-password|find-internet-password", "-w* -g* -?w -?g -?w? -?g?", "",
        "`security find-…-password` prints a password of the key chain", "security(1)";
    "security", "dump-keychain", "-d -rd -dr", "",
        "`security dump-keychain -d` prints passwords of the key chain", "security(1)";
    "security", "export", "*priv* identities all", "",
        "`security export` prints private keys of the key chain", "security(1)";
    "secret-tool", "lookup|search", "", "",
        "`secret-tool` prints a stored password", "secret-tool(1)";
    "kwallet-query", "*", "-r --read-password", "",
        "`kwallet-query -r` prints a stored password", "kwallet-query(1)";
    "keyring", "get", "", "",
        "`keyring get` prints a stored password", "python keyring documentation";
    "python python3", "keyring get", "-m", "",
        "`python -m keyring get` prints a stored password", "python keyring documentation";
    "keyctl", "print|pipe|read", "", "",
        "`keyctl print` prints a key of the kernel's keyring", "keyctl(1)";
    "getent", "shadow|gshadow", "", "",
        "`getent shadow` prints password hashes", "getent(1)";
    "pass", "*", "", "ls list find search insert add edit generate git init rm remove delete mv rename cp copy help version --help --version -h",
        "`pass` prints a stored password", "pass(1)";
    "gopass", "*", "", "ls list find search insert create edit generate git init rm remove delete mv move cp copy help version sync mounts config audit recipients setup clone fsck history templates completion unclip --help --version -h",
        "`gopass` prints a stored password", "gopass documentation";
    "op", "read", "", "",
        "`op read` prints a secret of 1Password", "1Password CLI reference";
    "op", "item get", "--reveal --reveal=true --fields* --otp --format*", "",
        "`op item get` prints secrets of 1Password", "1Password CLI reference";
    "op", "document get", "", "",
        "`op document get` prints a document of 1Password", "1Password CLI reference";
    "op", "inject", "", "",
        "`op inject` prints secrets of 1Password", "1Password CLI reference";
    "op", "signin", "--raw", "",
        "`op signin --raw` prints the session token of 1Password", "1Password CLI reference";
    "bw", "list items", "", "",
        "`bw list items` prints the vault of Bitwarden", "Bitwarden CLI documentation";
    "bw", "get item|password|username|notes|totp|attachment", "", "",
        "`bw get` prints a secret of Bitwarden", "Bitwarden CLI documentation";
    "bw", "export", "", "",
        "`bw export` writes out the vault of Bitwarden", "Bitwarden CLI documentation";
    "bw", "unlock|login", "--raw", "",
        "`bw unlock --raw` prints the session key of Bitwarden", "Bitwarden CLI documentation";
    "bws", "secret get|list", "", "",
        "`bws secret` prints stored secrets", "Bitwarden Secrets Manager CLI";
    "rbw", "get|code", "", "",
        "`rbw get` prints a secret of Bitwarden", "rbw documentation";
    "lpass", "show|export", "", "",
        "`lpass` prints a secret of LastPass", "lpass(1)";
    "keepassxc-cli", "export", "", "",
        "`keepassxc-cli export` prints a password database", "keepassxc-cli(1)";
    "keepassxc-cli", "show|clip", "-s --show-protected -a* --attributes* -t --totp --all", "",
        "`keepassxc-cli show` prints a stored password", "keepassxc-cli(1)";
    "dcli", "password|note|otp|secret", "", "",
        "`dcli` prints a secret of Dashlane", "Dashlane CLI documentation";
    "chamber", "read|export", "", "",
        "`chamber` prints stored secrets", "chamber documentation";
    "doppler", "secrets get|download", "", "",
        "`doppler secrets` prints stored secrets", "Doppler CLI documentation";
    "infisical", "export", "", "",
        "`infisical export` prints stored secrets", "Infisical CLI documentation";
    "sops", "decrypt", "", "",
        "`sops` prints a decrypted file", "SOPS documentation";
    "sops", "", "-d --decrypt", "",
        "`sops -d` prints a decrypted file", "SOPS documentation";
    "ansible-vault", "view", "", "",
        "`ansible-vault view` prints a decrypted file", "Ansible documentation";
    "git-crypt", "export-key", "", "",
        "`git-crypt export-key` prints the key of a repository", "git-crypt documentation";
    "git", "credential fill", "", "",
        "`git credential fill` prints a password of git", "git-credential(1)";
    "git", "credential-* get", "", "",
        "git's credential helper prints a password", "gitcredentials(7)";
    "git-credential-* docker-credential-*", "get", "", "",
        "a credential helper prints a password", "gitcredentials(7); Docker credential helpers";
    "npm pnpm yarn", "config get *_authtoken*|*_auth|*_password*|*npmauthtoken*", "", "",
        "`npm config get` prints the token of a registry", "npm-config(1)";
    "npm pnpm", "config|c ls|list", "-l --long", "",
        "`npm config ls -l` prints settings with those of registries", "npm-config(1)";
    "npm", "token create", "", "",
        "`npm token create` prints a token of the registry", "npm-token(1)";
    "heroku", "auth:token|config|config:get|authorizations:create|authorizations:info", "", "",
        "`heroku` prints a token or the settings of an app", "Heroku CLI commands";
    "fly flyctl", "auth token", "", "",
        "`fly auth token` prints a token of Fly", "flyctl documentation";
    "fly flyctl", "tokens|token create|attenuate", "", "",
        "`fly tokens create` prints a token of Fly", "flyctl documentation";
    "doctl", "auth token", "", "",
        "`doctl auth token` prints a token of DigitalOcean", "doctl reference";
    "doctl", "kubernetes|k8s cluster kubeconfig|kubecfg|cfg show", "", "",
        "`doctl kubernetes cluster kubeconfig show` prints the key of a cluster", "doctl reference";
    "netlify", "env:get|env:list", "", "",
        "`netlify env:get` prints the settings of a site", "Netlify CLI documentation";
    "cloudflared", "access token", "", "",
        "`cloudflared access token` prints a token", "cloudflared documentation";
    "cloudflared", "tunnel token", "", "",
        "`cloudflared tunnel token` prints a token", "cloudflared documentation";
    "stripe", "config", "--list", "",
        "`stripe config --list` prints keys of Stripe", "Stripe CLI reference";
    "databricks", "auth token", "", "",
        "`databricks auth token` prints a token", "Databricks CLI reference";
    "vault bao", "token lookup|create", "", "",
        "`vault token` prints a token of Vault", "Vault commands";
    "vault bao", "kv get", "", "",
        "`vault kv get` prints a stored secret", "Vault commands";
    "vault bao", "read|unwrap", "", "",
        "`vault read` prints a stored secret", "Vault commands";
    "vault bao", "print token", "", "",
        "`vault print token` prints a token of Vault", "Vault commands";
    "nomad", "var get", "", "",
        "`nomad var get` prints a stored secret", "Nomad commands";
    "docker podman nerdctl", "inspect", "*.env*", "",
        "`docker inspect` prints the environment of a container", "docker inspect reference";
    "docker podman nerdctl", "container|image inspect", "*.env*", "",
        "`docker inspect` prints the environment of a container", "docker inspect reference";
    "docker", "swarm join-token|unlock-key", "", "--rotate",
        "`docker swarm` prints a token of the swarm", "docker swarm reference";
    "pulumi", "config|stack", "--show-secrets", "",
        "`pulumi --show-secrets` prints stored secrets", "Pulumi CLI reference";
    "argocd", "admin initial-password", "", "",
        "`argocd admin initial-password` prints a password", "Argo CD reference";
    "rclone", "config show|dump", "", "",
        "`rclone config show` prints passwords of remotes", "rclone documentation";
    "rclone", "reveal", "", "",
        "`rclone reveal` prints a password", "rclone documentation";
    "nmcli", "", "-s --show-secrets", "",
        "`nmcli -s` prints passwords of networks", "nmcli(1)";
    "nmcli", "device|dev|d wifi|w show-password", "", "",
        "`nmcli device wifi show-password` prints the password of a network", "nmcli(1)";
    "netsh", "wlan show profile|profiles", "key=clear", "",
        "`netsh wlan show profile key=clear` prints the password of a network", "netsh wlan reference";
    "wg", "showconf", "", "",
        "`wg showconf` prints private keys", "wg(8)";
    "wg", "show", "private-key preshared-keys dump", "",
        "`wg show` prints private keys", "wg(8)";
}

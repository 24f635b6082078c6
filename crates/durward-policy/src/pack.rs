use crate::PolicyFile;

/// The name under which errors and explanations speak of a built-in file.
macro_rules! pack {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("pack/", $name)))),+]
    };
}

/// In deciding order: of several rules that refuse, the first gives the message.
const PACK: [(&str, &str); 8] = pack![
    "marks.cedar",
    "server.cedar",
    "rights.cedar",
    "code.cedar",
    "data.cedar",
    "schema_changes.cedar",
    "unseen.cedar",
    "who.cedar",
];

/// The built-in policy pack, in deciding order.
pub fn built_in_files() -> impl Iterator<Item = PolicyFile> {
    PACK.into_iter().map(|(name, text)| PolicyFile {
        name: format!("built-in/{name}").into(),
        text: text.into(),
    })
}

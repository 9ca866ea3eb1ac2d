//! An update as texts: what a command reads from files, and sends to a running flow.

use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::spec;
use neurath_model::update::Update;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The texts of an update: source and content of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateFiles {
    /// The update file; none where the flow file says all.
    pub update: Option<(String, String)>,
    /// The flow file to change to, if there is one.
    pub flow: Option<(String, String)>,
}

impl UpdateFiles {
    /// Reads the update that the texts hold.
    pub fn read(&self) -> Result<(Update, SourceMap), Diagnostics> {
        match (&self.update, &self.flow) {
            (Some((source, text)), flow) => {
                let mut open = |name: &str| flow.clone().ok_or_else(|| not_sent(source, name));
                spec::update::parse_with(source, text, &mut open)
            }
            (None, Some((source, text))) => {
                let (flow, map) = spec::update::parse_flow(source, text)?;
                let name =
                    Path::new(source).file_stem().map_or("flow".into(), |stem| stem.to_string_lossy().into_owned());
                Ok((Update::to_flow(name, flow), SourceMap::new(source).with_flow(map)))
            }
            (None, None) => Err(not_sent("the request", "an update")),
        }
    }
}

/// P06.
fn not_sent(source: &str, what: &str) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::P06,
        message: format!("`{source}` names `{what}`, which was not given along with it"),
        places: Vec::new(),
        expected: "the text of an update, and of the flow file that it names".into(),
        found: "no such text".into(),
        hint: "use `neurath update` of the same version as the runtime".into(),
    }])
}

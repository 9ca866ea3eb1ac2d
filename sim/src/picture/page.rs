//! The diagram as a page that stands by itself, through which one steps with the keyboard.

use super::{Diagram, Escaped, diagram, svg};
use crate::instance::Instance;
use crate::ledger::PROPERTIES;
use neurath_model::choice::Choice;
use serde_json::json;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a page shows beside the diagram.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Its title: what was checked.
    pub title: String,
    /// Drawings of the flow, and of what each update changes, each with a caption, in SVG.
    pub flows: Vec<(String, String)>,
}

/// The page of a run.
///
/// # Panics
/// If a choice is not open where it is to be taken.
pub fn page(instance: &Instance, choices: &[Choice], beside: &Beside) -> String {
    let diagram = diagram(instance, choices);
    let title = Escaped(&beside.title);
    let flows: String = beside.flows.iter().map(|(caption, svg)| figure(caption, svg)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{}\n\
         <p class=\"hint\">Step with \u{2191} and \u{2193} (or j and k), Home and End, or click on a step.</p>\n\
         <main>\n<div class=\"diagram\" tabindex=\"0\">\n{}</div>\n\
         <aside aria-live=\"polite\"><h2 id=\"where\"></h2><p id=\"what\"></p><ul id=\"places\"></ul></aside>\n</main>\n\
         <section class=\"flows\">\n{flows}</section>\n\
         <script type=\"application/json\" id=\"run\">{}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        verdict(&diagram),
        svg::draw(&diagram),
        embedded(&diagram),
    )
}

/// A drawing with its caption. As an image of its own it keeps its style to itself.
fn figure(caption: &str, svg: &str) -> String {
    let caption = Escaped(caption);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~ ".contains(&byte);
    let encoded: String =
        svg.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    format!(
        "<figure><figcaption>{caption}</figcaption><img alt=\"{caption}\" src=\"data:image/svg+xml,{encoded}\"></figure>\n"
    )
}

fn verdict(diagram: &Diagram) -> String {
    let steps = diagram.steps.len();
    match &diagram.story.breach {
        None => format!("<p class=\"verdict holds\">No property is broken in these {steps} steps.</p>"),
        Some((breach, step)) => {
            let about = PROPERTIES.iter().find(|about| about.code == breach.property);
            let named = about.map(|about| format!(" ({})", about.name)).unwrap_or_default();
            let sentence = about.map(|about| about.sentence).unwrap_or_default();
            let place = match step {
                Some(step) => format!("by step {step}"),
                None => "for nothing can happen any more".to_owned(),
            };
            format!(
                "<p class=\"verdict broken\"><b>{}{}</b> is broken {place}: {}</p>\n<p class=\"sentence\">{}</p>",
                Escaped(breach.property.to_string()),
                Escaped(named),
                Escaped(&breach.story),
                Escaped(sentence)
            )
        }
    }
}

/// What the script shows, such that no text in it can end the element it is in.
fn embedded(diagram: &Diagram) -> String {
    let told = |i: usize| format!("{}: {}", diagram.story.lines[i].operator, diagram.story.lines[i].text);
    let what = std::iter::once("before the first step".to_owned()).chain((0..diagram.steps.len()).map(told));
    let wrong = diagram.story.breach.as_ref().map(|(_, step)| step.unwrap_or(diagram.steps.len()));
    let run = json!({ "what": what.collect::<Vec<_>>(), "places": diagram.places, "wrong": wrong });
    run.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::mixed;

    #[test]
    fn a_page_needs_nothing_else_and_tells_what_is_wrong() {
        let (instance, run) = mixed();
        let beside = Beside { title: "chain <b>".into(), flows: vec![("before".into(), "<svg></svg>".into())] };
        let page = page(&instance, &run, &beside);
        assert!(
            page.contains("<title>chain &lt;b&gt;</title>")
                && page.contains("<b>S4 (serializability)</b> is broken by step 5")
        );
        for reference in ["href=", "url(", "@import"] {
            assert!(!page.contains(reference), "{reference}");
        }
        assert_eq!(
            page.matches("src=").count(),
            page.matches("src=\"data:image/svg+xml,%3Csvg%3E%3C%2Fsvg%3E\"").count()
        );
        assert_eq!(page.matches("</script>").count(), 2);
    }
}

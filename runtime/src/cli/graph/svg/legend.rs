//! A legend: the kinds of things that a drawing has, and no others.

use super::{CHARACTER, MARGIN, columns, diamond};
use crate::cli::graph::picture::{Course, Fate, Picture};
use neurath_model::plan::Scheduler;

const SAMPLE: f64 = 36.0;
const ROW: f64 = 26.0;
const APART: f64 = 26.0;

/// What is named, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Changes,
    Comes,
    Goes,
    ArcComes,
    ArcGoes,
    ArcMovesFrom,
    ArcMovesTo,
    Retyped,
    Feedback,
    State,
    Head(Scheduler),
    Passed(Scheduler),
}

/// The kinds of things that a drawing has.
pub(super) struct Legend(Vec<Kind>);

impl Legend {
    /// What is there to be named.
    pub(super) fn of(picture: &Picture) -> Self {
        let operator = |fate| picture.operators.iter().any(|operator| operator.fate == fate);
        let arc = |course| picture.arcs.iter().any(|arc| arc.course == course);
        let marker = picture.marker.as_ref();
        let all = [
            picture.operators.iter().any(|operator| operator.change.is_some()).then_some(Kind::Changes),
            operator(Fate::Comes).then_some(Kind::Comes),
            operator(Fate::Goes).then_some(Kind::Goes),
            arc(Course::Comes).then_some(Kind::ArcComes),
            arc(Course::Goes).then_some(Kind::ArcGoes),
            arc(Course::MovesFrom).then_some(Kind::ArcMovesFrom),
            arc(Course::MovesTo).then_some(Kind::ArcMovesTo),
            picture.arcs.iter().any(|arc| arc.carries_after.is_some()).then_some(Kind::Retyped),
            picture.arcs.iter().any(|arc| arc.feedback && arc.course.is_after()).then_some(Kind::Feedback),
            (!picture.hand_overs.is_empty()).then_some(Kind::State),
            marker.filter(|marker| !marker.heads.is_empty()).map(|marker| Kind::Head(marker.scheduler)),
            marker.filter(|marker| !marker.passes.is_empty()).map(|marker| Kind::Passed(marker.scheduler)),
        ];
        Self(all.into_iter().flatten().collect())
    }

    /// Rows of samples and words, below `top`, and how much height they take.
    pub(super) fn draw(&self, width: f64, top: f64) -> (String, f64) {
        let (mut x, mut row) = (MARGIN, 0);
        let mut parts = Vec::new();
        for kind in &self.0 {
            let text = kind.words();
            let takes = SAMPLE + columns(text) as f64 * CHARACTER;
            if x > MARGIN && x + takes > width - MARGIN {
                (x, row) = (MARGIN, row + 1);
            }
            let y = top + 6.0 + f64::from(row) * ROW;
            parts.push(kind.sample(x, y));
            parts.push(format!("<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>", x + SAMPLE, y + 4.0));
            x += takes + APART;
        }
        if parts.is_empty() {
            return (String::new(), 0.0);
        }
        (format!("<g>{}</g>", parts.join("")), f64::from(row + 1) * ROW + 6.0)
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Changes => "operator that changes",
            Self::Comes => "operator that comes",
            Self::Goes => "operator that goes",
            Self::ArcComes => "arc that comes",
            Self::ArcGoes => "arc that ends",
            Self::ArcMovesFrom => "arc that moves: as it was",
            Self::ArcMovesTo => "as it will be",
            Self::Retyped => "arc that carries another type",
            Self::Feedback => "feedback arc",
            Self::State => "state handed over",
            Self::Head(Scheduler::Direct) => "gets a message",
            Self::Head(Scheduler::StopTheWorld) => "stops",
            Self::Head(Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped) => "the marker enters here",
            Self::Passed(Scheduler::Direct) => "part that is reached",
            Self::Passed(Scheduler::StopTheWorld) => "part that is drained",
            Self::Passed(Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped) => "part that the marker passes",
        }
    }

    fn sample(self, x: f64, y: f64) -> String {
        let square = |class: &str| {
            let (top, right) = (y - 7.0, x + 2.0);
            format!(
                "<g class=\"{class}\"><rect x=\"{right:.1}\" y=\"{top:.1}\" width=\"24\" height=\"14\" rx=\"4\"/></g>"
            )
        };
        let line = |class: &str| {
            format!(
                "<path class=\"arc {class}\" d=\"M{x:.1} {y:.1}h20\"/><path class=\"head {class}\" d=\"M{:.1} {y:.1}l-9 -4.5v9z\"/>",
                x + 28.0
            )
        };
        match self {
            Self::Changes => square("changed"),
            Self::Comes => square("comes"),
            Self::Goes => square("goes"),
            Self::ArcComes => line("comes"),
            Self::ArcGoes => line("goes"),
            Self::ArcMovesFrom => line("moves-from"),
            Self::ArcMovesTo => line("moves-to"),
            Self::Retyped => line("changed"),
            Self::Feedback => line("feedback"),
            Self::State => line("state"),
            Self::Head(_) => diamond(x + 14.0, y),
            Self::Passed(_) => {
                format!("<rect class=\"way\" x=\"{:.1}\" y=\"{:.1}\" width=\"28\" height=\"18\" rx=\"6\"/>", x, y - 9.0)
            }
        }
    }
}

//! Checks as JUnit XML: a test case each; what is not as expected has failed, what the budget left open is an error.

use super::{Outcome, Word};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

pub(super) fn text(outcomes: &[Outcome]) -> String {
    let mut suite = TestSuite::new("neurath check");
    suite.add_test_cases(outcomes.iter().map(case));
    let mut report = Report::new("neurath");
    report.add_test_suite(suite);
    report.to_string().expect("a string takes any text")
}

fn case(outcome: &Outcome) -> TestCase {
    let status = match (outcome.is_expected(), outcome.verdict) {
        (true, _) => TestCaseStatus::success(),
        (false, verdict) => {
            let kind = if verdict == Word::Undecided { NonSuccessKind::Error } else { NonSuccessKind::Failure };
            let mut status = TestCaseStatus::non_success(kind);
            let story = outcome.breach.as_ref().map(|(property, story)| format!(": {property}: {story}"));
            let expected = outcome.expected.text();
            status.set_message(format!("{}{}, expected: {expected}", verdict.text(), story.unwrap_or_default()));
            status.set_description(&outcome.said);
            status
        }
    };
    let mut case = TestCase::new(outcome.name.clone(), status);
    case.set_classname(outcome.file.clone()).set_time(Duration::from_secs_f64(outcome.seconds.max(0.0)));
    case
}

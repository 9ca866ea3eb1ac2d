//! L4: any number of overlapping updates end.

use super::{About, Property, View};
use crate::instance::Instance;
use neurath_model::id::UpdateId;

/// L4. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct L4;

impl Property for L4 {
    const ABOUT: About = About {
        code: "L4",
        name: "overlap",
        sentence: "Updates that are under way together, and pass operators in common, all end.",
        source: "protocol rule 11; update contention in the paper's talk",
        witness: "two updates that pass an operator in common are under way together",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        let open: Vec<UpdateId> = under_way(view).collect();
        let name = |u: UpdateId| &view.instance.update(u).name;
        let pair = open.iter().flat_map(|u| open.iter().map(move |v| (*u, *v)));
        match pair.filter(|(u, v)| u < v).find(|(u, v)| view.instance.are_ordered(*u, *v)) {
            None => Ok(()),
            Some((u, v)) => Err(format!("`{}` and `{}` are in each other's way, and neither ends", name(u), name(v))),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        let open: Vec<UpdateId> = under_way(view).collect();
        open.iter().any(|u| open.iter().any(|v| u < v && view.instance.are_ordered(*u, *v)))
    }
}

fn under_way(view: View<'_>) -> impl Iterator<Item = UpdateId> + '_ {
    (1..=view.net.submitted).map(UpdateId).filter(move |u| !view.net.answered.contains(*u))
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn updates_that_get_in_each_others_way_are_found() {
        let sound = teeth::contention();
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::NoGlobalOrder)), "L4");
        insta::assert_debug_snapshot!(found);
        teeth::holds(&sound, "L4");
    }
}

//! L4: any number of overlapping updates end.

use super::{About, Debt, Owed, Property, View};
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

    fn owed(&self, view: View<'_>, owed: &mut Vec<Owed>) {
        let open: Vec<UpdateId> = under_way(view).collect();
        let pairs = open.iter().flat_map(|u| open.iter().map(move |v| (*u, *v)));
        let in_the_way = pairs.filter(|(u, v)| u < v && view.instance.are_ordered(*u, *v));
        owed.extend(in_the_way.map(|(u, v)| Owed::once(Debt::Overlap(u, v))));
    }

    fn tell(&self, view: View<'_>, debt: Debt) -> String {
        let Debt::Overlap(u, v) = debt else { unreachable!("L4 speaks of pairs of updates") };
        let name = |u: UpdateId| &view.instance.update(u).name;
        format!("`{}` and `{}` are in each other's way, and neither ends", name(u), name(v))
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

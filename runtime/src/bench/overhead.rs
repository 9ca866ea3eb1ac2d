//! scratch
mod functions;
mod hand;
mod updatable;
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn scratch() {
        let c = functions::Counted { warm_up: 100_000, measured: 2_000_000 };
        for k in [8, 16, 32, 64, 64, 64] {
            let [a, b] = [2, 22].map(|n| updatable::run(n, k, c));
            let [x, y] = [2, 22].map(|n| hand::run(n, k, c));
            eprintln!(
                "ours {a:.1} {b:.1} per hop {:.2}; hand {x:.1} {y:.1} per hop {:.2}",
                (b - a) / 20.0,
                (y - x) / 20.0
            );
        }
    }
}

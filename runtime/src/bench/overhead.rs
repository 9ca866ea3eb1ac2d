//! scratch
mod fixed;
mod functions;
mod hand;
mod updatable;
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn only() {
        let c = functions::Counted { warm_up: 100_000, measured: 10_000_000 };
        eprintln!("{}", updatable::run(22, 64, c));
    }
    #[test]
    fn scratch() {
        let c = functions::Counted { warm_up: 100_000, measured: 2_000_000 };
        for k in [8, 16, 32, 64, 64, 64] {
            let [a, b] = [2, 8].map(|n| updatable::run(n, k, c));
            let [x, y] = [2, 8].map(|n| hand::run(n, k, c)); let [f, g] = [2, 8].map(|n| fixed::run(n, k, c)); eprintln!("fixed {f:.1} {g:.1} {:.2}", (g - f) / 6.0);
            eprintln!(
                "ours {a:.1} {b:.1} per hop {:.2}; hand {x:.1} {y:.1} per hop {:.2}",
                (b - a) / 6.0,
                (y - x) / 6.0
            );
        }
    }
}

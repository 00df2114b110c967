//! temp
#![allow(clippy::all, missing_docs)]
use heijunka_allocate::*;
use heijunka_units::*;
struct R(u64);
impl R {
    fn u(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
    fn n(&mut self) -> f64 {
        let a = self.u().max(1e-12);
        let b = self.u();
        (-2.0 * a.ln()).sqrt() * (6.283185307 * b).cos()
    }
    fn e(&mut self) -> f64 {
        -self.u().max(1e-12).ln()
    }
}
type Costs = [f64; 3];
fn make(kind: &str, m: usize, rounds: usize, seed: u64) -> Vec<Vec<Costs>> {
    let mut r = R(seed * 7919 + 13);
    let speed: Vec<f64> = (0..m).map(|_| 0.001 * 8f64.powf(r.u())).collect();
    let net: Vec<f64> = (0..m).map(|_| 0.01 * 5f64.powf(r.u())).collect();
    let fix: Vec<f64> = (0..m).map(|_| 0.02 * r.u()).collect();
    let mut state = vec![0usize; m];
    let mut walk = vec![0f64; m];
    let mut nst = vec![false; m];
    (0..rounds)
        .map(|t| {
            (0..m)
                .map(|i| {
                    let (mut w, mut f, mut b) = (net[i] * (0.1 * r.n()).exp(), fix[i], speed[i]);
                    let mut common = (0.1 * r.n()).exp();
                    match kind {
                        "calm" => common = (0.03 * r.n()).exp(),
                        "noisy" => common = (0.35 * r.n()).exp(),
                        "hiccup" => {
                            if r.u() < 0.02 {
                                common *= 3.0 + 5.0 * r.u()
                            }
                        }
                        "hiccup2" => {
                            if r.u() < 0.005 {
                                common *= 10.0
                            }
                        }
                        "markov" => {
                            if state[i] == 0 {
                                if r.u() < 0.02 {
                                    state[i] = 1
                                }
                            } else if r.u() < 0.05 {
                                state[i] = 0
                            }
                            if state[i] == 1 {
                                common *= 4.0
                            }
                        }
                        "markovshort" => {
                            if state[i] == 0 {
                                if r.u() < 0.03 {
                                    state[i] = 1
                                }
                            } else if r.u() < 0.33 {
                                state[i] = 0
                            }
                            if state[i] == 1 {
                                common *= 4.0
                            }
                        }
                        "markovmild" => {
                            if state[i] == 0 {
                                if r.u() < 0.03 {
                                    state[i] = 1
                                }
                            } else if r.u() < 0.1 {
                                state[i] = 0
                            }
                            if state[i] == 1 {
                                common *= 1.6
                            }
                        }
                        "walk" => {
                            walk[i] += 0.05 * r.n();
                            common *= walk[i].clamp(-1.5, 1.5).exp()
                        }
                        "shifts" => {
                            if t == 150 && i % 2 == 0 {
                                walk[i] = 1.2
                            }
                            if t == 300 {
                                walk[i] = if i % 2 == 0 { 0.0 } else { 0.8 }
                            }
                            common *= walk[i].exp()
                        }
                        "exp" => common = 0.5 + 0.5 * r.e(),
                        "pareto" => common = 0.7 * r.u().max(1e-9).powf(-1.0 / 2.5),
                        "gammafix" => f += if i % 2 == 1 { 0.2 * r.e() * r.e() } else { 0.0 },
                        "netnoise" => w = net[i] * (0.8 * r.n()).exp() * 4.0,
                        "netburst" => {
                            if nst[i] {
                                if r.u() < 0.2 {
                                    nst[i] = false
                                }
                            } else if r.u() < 0.02 {
                                nst[i] = true
                            }
                            if nst[i] {
                                w *= 8.0
                            }
                        }
                        "netshift" => {
                            if t == 200 && i < m / 2 {
                                nst[i] = true
                            }
                            if nst[i] {
                                w += 0.15
                            }
                        }
                        "bigfixed" => f = if i == 0 { 1.0 } else { f },
                        _ => {}
                    }
                    f *= common;
                    b *= common;
                    [w, f, b]
                })
                .collect()
        })
        .collect()
}
fn run(tr: &[Vec<Costs>], batch: u32, policy: &mut dyn Policy) -> (f64, usize) {
    let m = tr[0].len();
    let c: Vec<Candidate> =
        (0..m).map(|i| Candidate::new(AgentId::new(&format!("{i:04}")).unwrap(), u32::MAX)).collect();
    let mut pend: Vec<(f64, Observation)> = vec![];
    let mut now = 0.0;
    let mut sum = 0.0;
    let mut mv = 0;
    for (t, costs) in tr.iter().enumerate() {
        let d = policy.decide(&c, batch, (t / 50) as u64);
        mv += d.moved as usize;
        let mut seen = vec![];
        let mut worst = 0f64;
        for (s, c) in d.shares.iter().zip(costs) {
            let n = if s.samples > 0 { s.samples } else { s.probe };
            if n == 0 {
                continue;
            }
            let own = c[1] + c[2] * n as f64;
            let o = Observation { agent: s.agent.clone(), samples: n, total_s: own + c[0], compute_s: own, own_s: own };
            if s.samples > 0 {
                pend.retain(|p| p.1.agent != s.agent);
                worst = worst.max(o.total_s);
                seen.push(o)
            } else if pend.iter().all(|p| p.1.agent != s.agent) {
                pend.push((now + o.total_s, o))
            }
        }
        now += worst;
        if t >= 50 {
            sum += worst
        }
        let (done, rest): (Vec<_>, Vec<_>) = pend.into_iter().partition(|p| p.0 <= now);
        pend = rest;
        seen.extend(done.into_iter().map(|d| d.1));
        policy.observe(&seen);
    }
    (sum / (tr.len() - 50) as f64, mv)
}
/// best static shares in hindsight by subgradient on the actual trace
fn hindsight(tr: &[Vec<Costs>], batch: u32) -> f64 {
    let m = tr[0].len();
    let tr = &tr[50..];
    let mut best = f64::MAX;
    let mean: Vec<f64> = (0..m).map(|i| tr.iter().map(|c| c[i][2]).sum::<f64>()).collect();
    let mut n: Vec<f64> = {
        let s: f64 = mean.iter().map(|x| 1.0 / x).sum();
        mean.iter().map(|x| batch as f64 / x / s).collect()
    };
    for it in 0..1500 {
        let mut g = vec![0.0; m];
        let mut tot = 0.0;
        for c in tr {
            let (mut w, mut wi) = (0.0, 0);
            for i in 0..m {
                let t = if n[i] < 0.5 { 0.0 } else { c[i][0] + c[i][1] + c[i][2] * n[i] };
                if t > w {
                    w = t;
                    wi = i
                }
            }
            tot += w;
            g[wi] += c[wi][2];
        }
        tot /= tr.len() as f64;
        if tot < best {
            best = tot
        }
        let mg = g.iter().sum::<f64>() / m as f64;
        let st = 0.05 * batch as f64
            / m as f64
            / (1.0 + it as f64 / 30.0)
            / g.iter().map(|x| (x - mg).abs()).fold(1e-9, f64::max);
        for i in 0..m {
            n[i] = (n[i] - st * (g[i] - mg)).max(0.0)
        }
        let s: f64 = n.iter().sum();
        for x in &mut n {
            *x *= batch as f64 / s
        }
    }
    best
}
fn ing() -> Ingredients {
    let mut i = Ingredients::default();
    match std::env::var("ING").as_deref() {
        Ok("nc") => i.change_detection = false,
        Ok("nr") => i.regimes = false,
        Ok("means") => i.scatter = false,
        _ => {}
    }
    i
}
fn main() {
    let kinds = [
        "calm",
        "noisy",
        "hiccup",
        "hiccup2",
        "markov",
        "markovshort",
        "markovmild",
        "walk",
        "shifts",
        "exp",
        "pareto",
        "gammafix",
        "netnoise",
        "netburst",
        "netshift",
        "bigfixed",
    ];
    let only = std::env::args().nth(1);
    println!(
        "{:<12}{:>3}{:>8}{:>8}{:>8}{:>8}{:>9}{:>8}{:>6}",
        "kind", "m", "adapt", "equal", "enh", "dyn", "static*", "a/static", "moves"
    );
    for k in kinds {
        if only.as_deref().is_some_and(|o| o != k) {
            continue;
        }
        for (m, b) in [(2, 64), (6, 256), (24, 512)] {
            let mut acc = [0.0; 5];
            let mut mvs = 0;
            for seed in 0..3 {
                let tr = make(k, m, 400, seed * 31 + m as u64);
                let (a, mv) = run(&tr, b, &mut Adaptive::new(ing(), RoundEnd::Exact));
                mvs += mv;
                acc[0] += a;
                for (j, p) in [PolicyName::Equal, PolicyName::Enhanced, PolicyName::Dynamic].into_iter().enumerate() {
                    acc[j + 1] += run(&tr, b, policy(p, RoundEnd::Exact).as_mut()).0
                }
                acc[4] += hindsight(&tr, b);
            }
            for x in &mut acc {
                *x /= 3.0
            }
            println!(
                "{k:<12}{m:>3}{:>8.4}{:>8.4}{:>8.4}{:>8.4}{:>9.4}{:>8.3}{:>6}",
                acc[0],
                acc[1],
                acc[2],
                acc[3],
                acc[4],
                acc[0] / acc[4],
                mvs / 3
            );
        }
    }
}

//! The picture: seconds per round over time under each policy, and the shares under the first one. Plain SVG, no script,
//! no background, mid-grey text: readable on light and on dark pages.

use super::run::{POINTS_MAX, Simulated};
use heijunka_units::AgentId;
use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 640.0;
const GREY: &str = "#808080";
/// Agents that the legend names; with more of them it says how many there are.
const NAMED_MAX: usize = 14;
/// Hues that follow each other by the golden angle never come close.
const GOLDEN_ANGLE: f64 = 137.508;

/// Where a panel stands on the page.
#[derive(Clone, Copy)]
struct Panel {
    top: f64,
    bottom: f64,
}

const LEFT: f64 = 70.0;
const RIGHT: f64 = 780.0;
const SECONDS: Panel = Panel { top: 60.0, bottom: 300.0 };
const SHARES: Panel = Panel { top: 360.0, bottom: 600.0 };

impl Panel {
    /// The place of `value` on an axis that ends at `most`.
    fn y(self, value: f64, most: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * (value / most).clamp(0.0, 1.0)
    }
}

fn x(round: f64, rounds: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * round / rounds.max(1.0)
}

/// In hexadecimal, which every viewer understands.
fn colour(number: usize) -> String {
    let hue = (210.0 + GOLDEN_ANGLE * number as f64) % 360.0;
    let (saturation, lightness) = (0.6, if number.is_multiple_of(2) { 0.5 } else { 0.62 });
    // CSS Color 4, "HSL to sRGB".
    let channel = |n: f64| {
        let k = (n + hue / 30.0) % 12.0;
        let value =
            lightness - saturation * f64::min(lightness, 1.0 - lightness) * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
}

/// Draws it.
pub(super) fn svg(title: &str, agents: &[AgentId], simulated: &[Simulated]) -> String {
    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"{GREY}\">\n<title>{title}</title>\n<text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n",
        title = escaped(title)
    );
    let rounds = simulated.iter().map(|one| one.seconds.len()).max().unwrap_or(0);
    lines(&mut page, simulated, rounds);
    if let Some(first) = simulated.first() {
        areas(&mut page, agents, first, rounds);
    }
    page.push_str("</svg>\n");
    page
}

/// Means over as many rounds as keep the line at most [`POINTS_MAX`] points.
fn downsampled(seconds: &[f64]) -> Vec<(f64, f64)> {
    let size = seconds.len().div_ceil(POINTS_MAX as usize).max(1);
    let point = |(number, chunk): (usize, &[f64])| {
        let middle = (number * size) as f64 + chunk.len() as f64 / 2.0;
        (middle, chunk.iter().sum::<f64>() / chunk.len() as f64)
    };
    seconds.chunks(size).enumerate().map(point).collect()
}

fn lines(page: &mut String, simulated: &[Simulated], rounds: usize) {
    let all: Vec<Vec<(f64, f64)>> = simulated.iter().map(|one| downsampled(&one.seconds)).collect();
    let most = all.iter().flatten().map(|(_, seconds)| *seconds).fold(0.0, f64::max);
    let most = rounded_up(most);
    axes(page, SECONDS, "seconds per round", most, rounds);
    for (number, (one, points)) in simulated.iter().zip(&all).enumerate() {
        let path: Vec<String> = points
            .iter()
            .map(|(round, seconds)| format!("{:.1},{:.1}", x(*round, rounds as f64), SECONDS.y(*seconds, most)))
            .collect();
        let (name, colour) = (one.policy.as_str(), colour(number));
        let _ = writeln!(
            page,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"><title>{name}</title></polyline>",
            path.join(" ")
        );
        legend(page, SECONDS, number, &colour, name);
    }
}

fn areas(page: &mut String, agents: &[AgentId], first: &Simulated, rounds: usize) {
    let total = |shares: &Vec<u32>| shares.iter().map(|share| f64::from(*share)).sum::<f64>();
    let most = first.shares.iter().map(total).fold(1.0, f64::max);
    axes(page, SHARES, &format!("samples of each agent under {}", first.policy), most, rounds);
    // A share holds until the next one that was kept; the last one until the end.
    let ends = (1..first.shares.len()).map(|place| place as f64 * first.share_every as f64).chain([rounds as f64]);
    let steps: Vec<(f64, f64)> = ends.scan(0.0, |from, to| Some((std::mem::replace(from, to), to))).collect();
    let mut floors = vec![0.0; first.shares.len()];
    for (number, agent) in agents.iter().enumerate() {
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        for ((shares, floor), (from, to)) in first.shares.iter().zip(&mut floors).zip(&steps) {
            step(&mut lower, *from, *to, *floor);
            *floor += f64::from(shares.get(number).copied().unwrap_or(0));
            step(&mut upper, *from, *to, *floor);
        }
        let place =
            |(round, samples): &(f64, f64)| format!("{:.1},{:.1}", x(*round, rounds as f64), SHARES.y(*samples, most));
        let edge: Vec<String> = upper.iter().chain(lower.iter().rev()).map(place).collect();
        let (name, colour) = (escaped(agent.as_str()), colour(number));
        let _ =
            writeln!(page, "<polygon fill=\"{colour}\" points=\"{}\"><title>{name}</title></polygon>", edge.join(" "));
        if number < NAMED_MAX {
            legend(page, SHARES, number, &colour, &name);
        }
    }
    if agents.len() > NAMED_MAX {
        legend(page, SHARES, NAMED_MAX, "none", &format!("and {} more", agents.len() - NAMED_MAX));
    }
}

/// Adds a level stretch to a line; one that is as high as the last only makes that longer.
fn step(line: &mut Vec<(f64, f64)>, from: f64, to: f64, height: f64) {
    match line.last_mut() {
        Some((end, last)) if *last == height => *end = to,
        _ => line.extend([(from, height), (to, height)]),
    }
}

fn legend(page: &mut String, panel: Panel, line: usize, colour: &str, name: &str) {
    let y = panel.top + 16.0 * line as f64;
    let _ = writeln!(
        page,
        "<rect x=\"{:.0}\" y=\"{y:.0}\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{:.0}\" y=\"{:.0}\">{name}</text>",
        RIGHT + 20.0,
        RIGHT + 38.0,
        y + 10.0
    );
}

/// Frame, title, and a few marks on both axes.
fn axes(page: &mut String, panel: Panel, title: &str, most: f64, rounds: usize) {
    let Panel { top, bottom } = panel;
    let _ = writeln!(
        page,
        "<text x=\"{LEFT}\" y=\"{:.0}\">{title}</text>\n\
         <path d=\"M{LEFT},{top} V{bottom} H{RIGHT}\" fill=\"none\" stroke=\"{GREY}\"/>",
        top - 8.0
    );
    for quarter in 0..=4 {
        let part = f64::from(quarter) / 4.0;
        let (y, x) = (panel.y(part, 1.0), x(part, 1.0));
        let round = (part * rounds as f64).round();
        let _ = writeln!(
            page,
            "<path d=\"M{LEFT},{y:.1} H{RIGHT}\" stroke=\"{GREY}\" stroke-opacity=\"0.25\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{round}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(part * most),
            bottom + 16.0
        );
    }
    let _ = writeln!(page, "<text x=\"{RIGHT}\" y=\"{:.0}\" text-anchor=\"end\">round</text>", bottom + 30.0);
}

/// Three digits that count, without zeros at the end.
fn short(value: f64) -> String {
    let digits = if value <= 0.0 { 0 } else { (2.0 - value.log10().floor()).clamp(0.0, 6.0) as usize };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The next of 1, 2, 4, 6, 8, 10 x a power of ten: quarters of it are short.
fn rounded_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value).unwrap_or(10.0 * power)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_allocate::PolicyName;

    #[test]
    fn a_picture_is_bounded_and_well_formed() {
        let one = |policy| Simulated {
            policy,
            seconds: (0..5000).map(|round| 1.0 + f64::from(round % 7)).collect(),
            samples: vec![3; 5000],
            reallocations: 0,
            overdue: 0,
            shares: (0..556).map(|share| vec![share % 3, 2, 1]).collect(),
            share_every: 9,
            decisions: Vec::new(),
            outlooks: Vec::new(),
        };
        let agents = ["a", "<b> & \"c\"", "d"].map(|name| AgentId::new(name).unwrap());
        let page = svg("a < b", &agents, &[one(PolicyName::Equal), one(PolicyName::Enhanced)]);
        well_formed(&page);
        assert!(page.len() < 200_000, "{}", page.len());
        assert!(!page.contains("NaN") && !page.contains("script"));
        assert_eq!((page.matches("<polyline").count(), page.matches("<polygon").count()), (2, 3));
        let longest = page.lines().map(|line| line.matches(',').count()).max();
        assert!(longest.is_some_and(|points| points <= 4 * POINTS_MAX as usize), "{longest:?}");
        well_formed(&svg("nothing", &[], &[]));
    }

    /// Every element that is opened is closed, in order; attributes are quoted; nothing stands outside.
    fn well_formed(page: &str) {
        let mut open = Vec::new();
        let mut rest = page;
        while let Some((text, tag)) = rest.split_once('<') {
            assert!(!text.contains('>'), "{text}");
            let (tag, after) = tag.split_once('>').expect("a tag ends");
            rest = after;
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            let name = tag.trim_start_matches('/').split([' ', '/']).next();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty() && rest.trim().is_empty());
        let ampersands = page.matches('&').count();
        let known = ["&amp;", "&lt;", "&gt;", "&quot;"].map(|entity| page.matches(entity).count());
        assert_eq!(ampersands, known.iter().sum::<usize>());
    }

    #[test]
    fn axes_end_at_round_numbers() {
        let ends = [0.0, 0.21, 0.4, 3.1, 870.0, f64::NAN].map(rounded_up);
        assert_eq!(ends.map(short), ["1", "0.4", "0.4", "4", "1000", "1"]);
    }
}

//! Draws what an endoscope might see: a round field, moist folds towards a dark lumen, vessels and
//! reflections. Whole numbers and exact floating-point steps only, so that every machine draws the same.

use super::numbers::Numbers;

pub(super) const COLUMNS: u16 = 640;
pub(super) const ROWS: u16 = 480;
/// Bytes of one picture in RGB.
pub(super) const BYTES: usize = COLUMNS as usize * ROWS as usize * 3;

/// Where the features of one picture are.
struct Scene {
    lumen: (f64, f64),
    folds: f64,
    glints: Vec<(f64, f64, f64)>,
    polyp: (f64, f64, f64),
}

/// Draws one picture.
pub(super) fn draw(seed: u64, number: u32) -> Vec<u8> {
    let mut numbers = Numbers::new(seed, 1000 + u64::from(number));
    let mut within = |low: u32, high: u32| f64::from(numbers.between(low, high));
    let scene = Scene {
        lumen: (within(250, 390), within(180, 300)),
        folds: within(26, 44),
        glints: (0..12).map(|_| (within(130, 510), within(60, 420), within(2, 9))).collect(),
        polyp: (within(180, 460), within(140, 340), within(18, 42)),
    };
    let mut picture = Vec::with_capacity(BYTES);
    for y in 0..ROWS {
        for x in 0..COLUMNS {
            picture.extend_from_slice(&scene.colour(f64::from(x), f64::from(y)));
        }
    }
    picture
}

impl Scene {
    fn colour(&self, x: f64, y: f64) -> [u8; 3] {
        let from = |cx: f64, cy: f64| ((x - cx) * (x - cx) + (y - cy) * (y - cy)).sqrt();
        let edge = from(320.0, 240.0);
        if edge > 232.0 {
            return [0, 0, 0];
        }
        let depth = from(self.lumen.0, self.lumen.1);
        // Light falls off towards the lumen and the edge of the field.
        let light = (depth / 150.0).min(1.0) * (1.0 - (edge / 260.0) * (edge / 260.0)) + 0.08;
        let bend = wave(x + y, 190.0) * 14.0 + wave(x - y, 130.0) * 9.0;
        let fold = 0.80 + 0.20 * wave(depth + bend, self.folds);
        let vessel = (wave(x * 0.8 + bend * 2.0, 61.0) * wave(y + bend * 3.0, 73.0)).abs();
        let vessel = if vessel < 0.035 { 0.82 } else { 1.0 };
        let (px, py, radius) = self.polyp;
        let bump = 1.0 - from(px, py) / radius;
        let bump = if bump > 0.0 { 0.9 + 0.35 * bump } else { 1.0 };
        let glint = self.glints.iter().any(|(gx, gy, radius)| from(*gx, *gy) < *radius);
        if glint && light > 0.25 {
            return [250, 244, 236];
        }
        let shade = light * fold * bump;
        [byte(246.0 * shade), byte(134.0 * shade * vessel), byte(112.0 * shade * vessel)]
    }
}

/// A triangle wave of this period, from -1 to 1: smooth enough, and exact where a sine is not.
fn wave(at: f64, period: f64) -> f64 {
    let phase = at / period;
    let phase = phase - phase.floor();
    4.0 * (phase - 0.5).abs() - 1.0
}

fn byte(value: f64) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of a byte, and `as` saturates"
    )]
    let byte = value.clamp(0.0, 255.0) as u8;
    byte
}

//! The normal distribution.
#![allow(clippy::excessive_precision, clippy::inconsistent_digit_grouping, reason = "constants as they were published")]

use std::f64::consts::FRAC_1_SQRT_2;

/// Φ(x).
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Numerator and denominator of a fraction, from the highest power down.
type Fraction = ([f64; 8], [f64; 8]);

const CENTRE: Fraction = (
    [
        2.509_080_928_730_122_672_7e3,
        3.343_057_558_358_812_810_5e4,
        6.726_577_092_700_870_085_3e4,
        4.592_195_393_154_987_145_7e4,
        1.373_169_376_550_946_112_5e4,
        1.971_590_950_306_551_442_7e3,
        1.331_416_678_917_843_774_5e2,
        3.387_132_872_796_366_608_0,
    ],
    [
        5.226_495_278_852_854_561_0e3,
        2.872_908_573_572_194_267_4e4,
        3.930_789_580_009_271_061_0e4,
        2.121_379_430_158_659_586_7e4,
        5.394_196_021_424_751_107_7e3,
        6.871_870_074_920_579_083_0e2,
        4.231_333_070_160_091_125_2e1,
        1.0,
    ],
);
const TAIL: Fraction = (
    [
        7.745_450_142_783_414_076_40e-4,
        2.272_384_498_926_918_458_33e-2,
        2.417_807_251_774_506_117_70e-1,
        1.270_458_252_452_368_382_58,
        3.647_848_324_763_204_605_04,
        5.769_497_221_460_691_405_50,
        4.630_337_846_156_545_295_90,
        1.423_437_110_749_683_577_34,
    ],
    [
        1.050_750_071_644_416_843_24e-9,
        5.475_938_084_995_344_946_00e-4,
        1.519_866_656_361_645_719_66e-2,
        1.481_039_764_274_800_745_90e-1,
        6.897_673_349_851_000_045_50e-1,
        1.676_384_830_183_803_849_40,
        2.053_191_626_637_758_821_87,
        1.0,
    ],
);
const FAR_TAIL: Fraction = (
    [
        2.010_334_399_292_288_132_65e-7,
        2.711_555_568_743_487_578_15e-5,
        1.242_660_947_388_078_438_60e-3,
        2.653_218_952_657_612_309_30e-2,
        2.965_605_718_285_048_912_30e-1,
        1.784_826_539_917_291_335_80,
        5.463_784_911_164_114_369_90,
        6.657_904_643_501_103_777_20,
    ],
    [
        2.044_263_103_389_939_785_64e-15,
        1.421_511_758_316_445_888_70e-7,
        1.846_318_317_510_054_681_80e-5,
        7.868_691_311_456_132_591_00e-4,
        1.487_536_129_085_061_485_25e-2,
        1.369_298_809_227_358_053_10e-1,
        5.998_322_065_558_879_376_90e-1,
        1.0,
    ],
);

#[inline]
fn fraction((above, below): &Fraction, x: f64) -> f64 {
    let at = |terms: &[f64; 8]| terms[1..].iter().fold(terms[0], |sum, term| sum * x + term);
    at(above) / at(below)
}

/// The x with Φ(x) = `probability`, right to about 1 part in 10¹⁶; infinite at zero and one. Wichura, "Algorithm AS 241: the
/// percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16. Drawing through it takes one
/// uniform number for each normal one, so that a draw has its place in its stream; crates that draw normal numbers reject
/// some of them, or take their logarithms from the system.
#[inline]
pub fn normal_quantile(probability: f64) -> f64 {
    let from_middle = probability - 0.5;
    if from_middle.abs() <= 0.425 {
        return from_middle * fraction(&CENTRE, 0.180_625 - from_middle * from_middle);
    }
    let outside = if from_middle < 0.0 { probability } else { 1.0 - probability };
    if outside <= 0.0 {
        return if outside == 0.0 { f64::INFINITY.copysign(from_middle) } else { f64::NAN };
    }
    let r = libm::sqrt(-libm::log(outside));
    let found = if r <= 5.0 { fraction(&TAIL, r - 1.6) } else { fraction(&FAR_TAIL, r - 5.0) };
    found.copysign(from_middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Python's `statistics.NormalDist().inv_cdf`.
    #[test]
    fn quantiles_are_those_of_the_distribution() {
        for (probability, expected) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_053_6),
            (0.99, 2.326_347_874_040_840_8),
            (0.2, -0.841_621_233_572_914_2),
            (1e-6, -4.753_424_308_822_899),
            (1e-20, -9.262_340_089_798_405),
        ] {
            let found = normal_quantile(probability);
            assert!((found - expected).abs() <= 4e-15 * expected.abs(), "{probability}: {found} and not {expected}");
            assert!((normal_cdf(found) / probability - 1.0).abs() < 1e-13, "{probability}: and back");
        }
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(normal_quantile(-0.1).is_nan() && normal_quantile(f64::NAN).is_nan());
    }
}

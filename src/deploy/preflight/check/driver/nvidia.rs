//! NVIDIA: the driver against the toolkit of the image.

use super::super::super::version::Version;
use super::super::Check;
use super::DRIVER;

const CUDA: &str = "CUDA";

/// Toolkit and the driver released with it (CUDA Toolkit release notes, table "CUDA Toolkit and
/// Corresponding Driver Versions", Linux; read 2026-11-28).
const RELEASED: &[(&str, &str)] = &[
    ("12.4", "550.54.14"),
    ("12.4.1", "550.54.15"),
    ("12.5", "555.42.02"),
    ("12.6", "560.28.03"),
    ("12.8", "570.26"),
    ("12.8.1", "570.124.06"),
    ("12.9", "575.51.03"),
    ("12.9.1", "575.57.08"),
    ("13.0", "580.65.06"),
    ("13.0.1", "580.82.07"),
    ("13.0.2", "580.95.05"),
    ("13.1", "590.44.01"),
    ("13.1.1", "590.48.01"),
    ("13.2", "595.45.04"),
    ("13.2.1", "595.58.03"),
    ("13.3", "610.43.02"),
];

/// The oldest driver any toolkit of a major version runs on, by minor-version compatibility (same
/// page, table "Minimum Required Driver Version").
const FLOORS: &[(u32, &str)] = &[(11, "450.80.02"), (12, "525.60.13"), (13, "580.65.06")];

/// Older branches an image built on nvidia/cuda:12.9 starts on, for all cards but `GeForce` and
/// TITAN (`NVIDIA_REQUIRE_CUDA` of that image).
const BRANCHES_OF_12_9: &[u32] = &[535, 550, 560, 565, 570];

/// What a host of NVIDIA has.
pub(super) struct Nvidia {
    pub(super) driver: Option<Version>,
    pub(super) cuda: Option<Version>,
    pub(super) is_geforce: bool,
    pub(super) container: bool,
}

impl Nvidia {
    pub(super) fn driver(&self, toolkit: &Version, asked: Option<Version>) -> Check {
        let Some(wanted) = asked.or_else(|| released_with(toolkit)) else {
            return Check::unknown(DRIVER, format!("not known for CUDA {toolkit}"));
        };
        let needed = format!("{wanted} for CUDA {toolkit}");
        let Some(driver) = &self.driver else { return Check::unknown(DRIVER, needed) };
        let answer = Check::pass(DRIVER, driver.to_string(), needed);
        let floor = FLOORS.iter().find(|it| it.0 == toolkit.major());
        let floor = floor.and_then(|it| Version::parse(it.1));
        // What its own CUDA satisfies, an image accepts.
        let has_cuda =
            self.cuda.as_ref().is_some_and(|it| it.major_minor() >= toolkit.major_minor());
        if *driver >= wanted {
            answer
        } else if floor.is_none_or(|it| *driver < it) {
            answer.fail(self.below_floor(toolkit, &wanted))
        } else if has_cuda || !self.container {
            answer.warn(minor_version(&wanted))
        } else if self.is_geforce {
            answer.fail(format!(
                "install driver {wanted} or newer: the image refuses GeForce cards on a driver older \
                 than its CUDA"
            ))
        } else if toolkit.major_minor() == (12, 9) && !BRANCHES_OF_12_9.contains(&driver.major()) {
            answer.fail(format!(
                "install driver {wanted} or newer: of older branches the image starts on 535, 550, \
                 560, 565 and 570 only (NVIDIA_DISABLE_REQUIRE=1 skips that test)"
            ))
        } else {
            answer.warn(minor_version(&wanted))
        }
    }

    fn below_floor(&self, toolkit: &Version, wanted: &Version) -> String {
        let otherwise = match (toolkit.major(), self.is_geforce) {
            (13, _) if self.driver.as_ref().is_some_and(|it| it.major() >= 525) => {
                ", or take an image for CUDA 12"
            }
            (_, false) => ", or try VLLM_ENABLE_CUDA_COMPATIBILITY=1 (data-centre GPUs only)",
            (_, true) => "",
        };
        format!(
            "install driver {wanted} or newer: CUDA {} does not run on this one{otherwise}",
            toolkit.major()
        )
    }

    /// What the driver itself says it supports.
    pub(super) fn cuda(&self, toolkit: &Version) -> Check {
        let needed = format!("{toolkit}");
        let Some(cuda) = &self.cuda else { return Check::unknown(CUDA, needed) };
        let answer = Check::pass(CUDA, cuda.to_string(), needed);
        if cuda.major_minor() >= toolkit.major_minor() {
            answer
        } else if cuda.major() == toolkit.major() {
            answer.warn("the driver is older than the image's toolkit: see driver")
        } else {
            answer.fail("the driver does not know this major version of CUDA: see driver")
        }
    }
}

fn minor_version(wanted: &Version) -> String {
    format!(
        "runs by minor-version compatibility, but kernels shipped as PTX are not compiled: driver \
         {wanted} or newer is safe"
    )
}

/// The driver released with a toolkit, or with the newest older one of its minor version.
fn released_with(toolkit: &Version) -> Option<Version> {
    let fits = |it: &Version| it.major_minor() == toolkit.major_minor() && it <= toolkit;
    RELEASED
        .iter()
        .rfind(|it| Version::parse(it.0).is_some_and(|it| fits(&it)))
        .and_then(|it| Version::parse(it.1))
}

#[cfg(test)]
mod tests {
    use super::super::super::Verdict;
    use super::*;

    fn nvidia(driver: &str, cuda: &str, is_geforce: bool) -> Nvidia {
        let (driver, cuda) = (Version::parse(driver), Version::parse(cuda));
        Nvidia { driver, cuda, is_geforce, container: true }
    }

    #[test]
    fn drivers() {
        let check = |driver: &str, cuda: &str, toolkit: &str, verdict| {
            let toolkit = Version::parse(toolkit).unwrap();
            let found = nvidia(driver, cuda, false).driver(&toolkit, None);
            assert_eq!(found.verdict, verdict, "{found:?}");
        };
        check("575.57.08", "12.9", "12.9.1", Verdict::Pass);
        check("580.95.05", "13.0", "12.9.1", Verdict::Pass);
        check("575.51.03", "12.9", "12.9.1", Verdict::Warn);
        check("550.54.14", "12.4", "12.9.1", Verdict::Warn);
        check("555.42.02", "12.5", "12.9.1", Verdict::Fail);
        check("525.60.12", "12.0", "12.9.1", Verdict::Fail);
        check("525.60.13", "12.0", "12.8.1", Verdict::Warn);
        check("575.57.08", "12.9", "13.0.2", Verdict::Fail);
        check("580.82.07", "13.0", "13.0.2", Verdict::Warn);
        check("N/A", "12.9", "12.9.1", Verdict::NotMeasured);
        check("580.82.07", "13.0", "14.0", Verdict::NotMeasured);
    }

    #[test]
    fn geforce_cards_are_refused() {
        let toolkit = Version::parse("12.9.1").unwrap();
        let check = |driver: &str, cuda: &str, container: bool, verdict| {
            let host = Nvidia { container, ..nvidia(driver, cuda, true) };
            assert_eq!(host.driver(&toolkit, None).verdict, verdict);
        };
        check("565.57.01", "12.7", true, Verdict::Fail);
        check("565.57.01", "12.7", false, Verdict::Warn);
        check("575.51.03", "12.9", true, Verdict::Warn);
        check("575.64.03", "12.9", true, Verdict::Pass);
    }

    #[test]
    fn toolkits_and_their_drivers() {
        let check = |toolkit: &str, expected: Option<&str>| {
            let found = released_with(&Version::parse(toolkit).unwrap());
            assert_eq!(found.map(|it| it.to_string()).as_deref(), expected, "{toolkit}");
        };
        check("12.4.0", Some("550.54.14"));
        check("12.9.1", Some("575.57.08"));
        check("13.0.3", Some("580.95.05"));
        check("12.7", None);
    }

    #[test]
    fn cuda_versions() {
        let toolkit = Version::parse("12.9.1").unwrap();
        let check = |cuda: &str, verdict| {
            assert_eq!(nvidia("1", cuda, false).cuda(&toolkit).verdict, verdict, "{cuda}");
        };
        check("13.0", Verdict::Pass);
        check("12.9", Verdict::Pass);
        check("12.4", Verdict::Warn);
        check("11.8", Verdict::Fail);
        check("Not Found", Verdict::NotMeasured);
    }
}

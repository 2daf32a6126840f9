//! A commitment that somebody wants judged, as the command line names it.

use std::fmt;
use std::str::FromStr;

/// So many instances of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedCommitment {
    /// Who sells it.
    pub provider: String,
    /// The provider's name of the instance.
    pub instance_type: String,
    /// How many.
    pub n: u32,
}

impl FromStr for AskedCommitment {
    type Err = String;

    /// `aws/p5.48xlarge/2`; the name of the instance may hold slashes.
    fn from_str(text: &str) -> Result<AskedCommitment, String> {
        let wrong =
            || format!("`{text}` is not PROVIDER/INSTANCE/QUANTITY such as aws/p5.48xlarge/2");
        let (rest, n) = text.rsplit_once('/').ok_or_else(wrong)?;
        let (provider, instance_type) = rest.split_once('/').ok_or_else(wrong)?;
        let n = n.parse().ok().filter(|it| *it > 0).ok_or_else(wrong)?;
        if provider.is_empty() || instance_type.is_empty() {
            return Err(wrong());
        }
        Ok(AskedCommitment {
            provider: provider.to_owned(),
            instance_type: instance_type.to_owned(),
            n,
        })
    }
}

impl fmt::Display for AskedCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} at {}", self.n, self.instance_type, self.provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_has_a_provider_an_instance_and_a_quantity() {
        let asked: AskedCommitment = "aws/p5.48xlarge/2".parse().unwrap();
        assert_eq!(asked.to_string(), "2 x p5.48xlarge at aws");
        let odd: AskedCommitment = "vast/a/b/3".parse().unwrap();
        assert_eq!((odd.instance_type.as_str(), odd.n), ("a/b", 3));
        for text in ["", "aws", "aws/2", "aws/p5/0", "aws/p5/two", "/p5/1", "aws//1"] {
            assert!(text.parse::<AskedCommitment>().is_err(), "{text}");
        }
    }
}

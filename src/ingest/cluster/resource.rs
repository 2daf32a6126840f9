//! A machine as a bill names it and as its node names it, brought to one form.

/// The forms a bill may use for the machine behind a node, lower case; the surest first.
pub(super) fn names_of_node(provider_id: Option<&str>, node: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(id) = provider_id {
        let id = id.to_lowercase();
        let (scheme, rest) = id.split_once("://").unwrap_or(("", &id));
        let rest = rest.trim_start_matches('/');
        let parts: Vec<&str> = rest.split('/').collect();
        match (scheme, parts.as_slice()) {
            // aws:///us-east-1a/i-0abc
            ("aws", [.., instance]) => names.push((*instance).to_owned()),
            // gce://project/zone/name
            ("gce", [project, zone, name]) => {
                names.push(format!("projects/{project}/zones/{zone}/instances/{name}"));
                names.push(format!("zones/{zone}/instances/{name}"));
            }
            // azure:///subscriptions/.../virtualMachines/nd1, or
            // .../virtualMachineScaleSets/s/virtualMachines/3
            ("azure", [..]) => {
                names.push(format!("/{rest}"));
                if let [.., "virtualmachinescalesets", set, "virtualmachines", n] = parts.as_slice()
                {
                    names.push(format!("{set}_{n}"));
                } else if let Some(last) = parts.last() {
                    names.push((*last).to_owned());
                }
            }
            _ => names.push(rest.to_owned()),
        }
        names.push(id);
    }
    names.push(node.to_lowercase());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|it| !it.is_empty() && seen.insert(it.clone()));
    names
}

/// The scale set a node belongs to: Azure bills its machines under this one id.
pub(super) fn scale_set(provider_id: &str) -> Option<String> {
    let id = provider_id.to_lowercase();
    let rest = id.strip_prefix("azure://")?;
    let set = rest.get(..rest.rfind("/virtualmachines/")?)?;
    set.contains("/virtualmachinescalesets/").then(|| format!("/{}", set.trim_start_matches('/')))
}

/// The forms under which a billed machine may be found, the surest first; empty for the id of
/// another kind of resource, such as a disk that carries the name of its machine.
pub(super) fn names_in_bill(id: &str, name: Option<&str>) -> Vec<String> {
    let id = id.trim().to_lowercase();
    let name = name.map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty());
    let plain = id.trim_start_matches("//compute.googleapis.com/");
    if let Some(path) = plain.strip_prefix("projects/") {
        let [project, "zones", zone, "instances", instance] =
            path.split('/').collect::<Vec<_>>()[..]
        else {
            return Vec::new();
        };
        // A bill may state the project or the instance by number; then the name has to do.
        let is_number = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
        let instance = match (is_number(instance), name.as_deref()) {
            (true, Some(name)) => basename(name),
            _ => instance,
        };
        let place = format!("zones/{zone}/instances/{instance}");
        let exact = format!("projects/{project}/{place}");
        return if is_number(project) { vec![place] } else { vec![exact] };
    }
    if let Some(arn) = id.strip_prefix("arn:") {
        let instance = arn.rsplit_once(":instance/").map(|it| it.1.to_owned());
        return instance.into_iter().collect();
    }
    let of_a_cloud = id.starts_with('/') || id.starts_with("i-") || id.starts_with("ocid1.");
    let name = name.filter(|_| !of_a_cloud);
    Some(id).filter(|it| !it.is_empty()).into_iter().chain(name).collect()
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(provider_id: &str, node: &str, id: &str, name: Option<&str>) -> bool {
        let node = names_of_node(Some(provider_id), node);
        names_in_bill(id, name).iter().any(|it| node.contains(it))
    }

    #[test]
    fn machines_are_found_by_what_bills_say() {
        let aws = "aws:///us-west-2b/i-0f00d";
        assert!(meets(aws, "ip-10-0-0-9.ec2.internal", "i-0f00d", None));
        assert!(meets(aws, "n", "arn:aws:ec2:us-west-2:111122223333:instance/i-0f00d", None));
        assert!(!meets(aws, "n", "arn:aws:ec2:us-west-2:111122223333:volume/vol-1", Some("n")));
        assert!(!meets(aws, "n", "i-0f00e", Some("n")));
        let gce = "gce://lab/us-central1-c/gke-lab-h100-1";
        let path = "//compute.googleapis.com/projects/";
        for (tail, name, expected) in [
            ("lab/zones/us-central1-c/instances/gke-lab-h100-1", None, true),
            ("77/zones/us-central1-c/instances/gke-lab-h100-1", None, true),
            ("77/zones/us-central1-c/instances/553311", Some("gke-lab-h100-1"), true),
            ("lab/zones/us-central1-c/instances/553311", Some("gke-lab-h100-1"), true),
            ("other/zones/us-central1-c/instances/gke-lab-h100-1", None, false),
            ("lab/zones/us-central1-b/instances/gke-lab-h100-1", None, false),
            ("lab/zones/us-central1-c/disks/gke-lab-h100-1", Some("gke-lab-h100-1"), false),
        ] {
            assert_eq!(
                meets(gce, "gke-lab-h100-1", &format!("{path}{tail}"), name),
                expected,
                "{tail}"
            );
        }
        assert!(meets(gce, "gke-lab-h100-1", "553311", Some("gke-lab-h100-1")));
        let group = "/subscriptions/5/resourceGroups/ML/providers/Microsoft.Compute";
        let vm = format!("azure://{group}/virtualMachines/nd1");
        assert!(meets(&vm, "nd1", &format!("{group}/virtualmachines/ND1"), None));
        assert!(meets(&vm, "other", "nd1", None));
        assert!(!meets(&vm, "nd1", &format!("{group}/disks/nd1"), Some("nd1")));
        let member = format!("azure://{group}/virtualMachineScaleSets/aks-g/virtualMachines/3");
        assert!(meets(&member, "aks-g000003", "aks-g_3", None));
        assert_eq!(
            scale_set(&member),
            Some(format!("{group}/virtualMachineScaleSets/aks-g").to_lowercase())
        );
        assert_eq!(scale_set(&vm), None);
        let oci = "ocid1.instance.oc1.iad.abc";
        assert!(meets(oci, "10.0.1.2", "OCID1.instance.oc1.iad.abc", None));
        assert!(meets("digitalocean://4711", "pool-1", "4711", None));
    }
}

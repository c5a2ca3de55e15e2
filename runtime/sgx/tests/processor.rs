//! The emulated processor: reports, keys and its file.
#![allow(clippy::unwrap_used)]

use authentic_sgx::{
    Attributes, ConfigId, KeyError, KeyRequest, Policy, Processor, Report, ReportBody, ReportError, Secs, TargetInfo, egetkey, ereport, report_key,
    verify_report,
};
use std::os::unix::fs::PermissionsExt;

const SEAL: u16 = 4;
const REPORT: u16 = 3;

fn processor() -> Processor {
    Processor::new([7; 16], [5; 16])
}

fn secs(seed: u8) -> Secs {
    Secs {
        mr_enclave: [seed; 32],
        mr_signer: [9; 32],
        attributes: Attributes { flags: Attributes::INIT | Attributes::MODE64, xfrm: 7 },
        isv_prod_id: 3,
        isv_svn: 4,
        ..Secs::default()
    }
}

fn request(name: u16, policy: u16) -> KeyRequest {
    KeyRequest {
        name,
        policy: Policy(policy),
        isv_svn: 4,
        cpu_svn: [5; 16],
        attribute_mask: Attributes { flags: u64::MAX, xfrm: u64::MAX },
        key_id: [0; 32],
        misc_mask: 0,
        config_svn: 0,
    }
}

fn key(secs: &Secs, request: &KeyRequest) -> Result<[u8; 16], KeyError> {
    egetkey(&processor(), secs, &request.to_bytes()).map(|key| *key)
}

#[test]
fn a_report_is_verified_by_its_target_on_the_same_processor_alone() {
    let (ours, quoting) = (secs(1), secs(2));
    let target = TargetInfo::from(&quoting);
    let report = ereport(&processor(), &ours, &target, [8; 64], [6; 32]);
    let body = verify_report(&processor(), &target, &Report::from_bytes(&report.to_bytes())).unwrap();
    assert_eq!((body.mr_enclave, body.mr_signer, body.report_data, body.isv_svn), ([1; 32], [9; 32], [8; 64], 4));
    assert_eq!(body.attributes.flags, 5);
    assert_eq!(body.to_bytes(), report.body);

    assert_eq!(verify_report(&Processor::new([8; 16], [5; 16]), &target, &report), Err(ReportError));
    assert_eq!(verify_report(&processor(), &TargetInfo::from(&secs(3)), &report), Err(ReportError));
    for at in 0..Report::LENGTH {
        let mut bytes = report.to_bytes();
        bytes[at] ^= 1;
        assert_eq!(verify_report(&processor(), &target, &Report::from_bytes(&bytes)), Err(ReportError), "byte {at}");
    }
}

#[test]
fn the_target_gets_the_report_key_by_egetkey() {
    let quoting = secs(2);
    let wanted = KeyRequest { key_id: [6; 32], ..request(REPORT, 0) };
    assert_eq!(key(&quoting, &wanted).unwrap(), *report_key(&processor(), &TargetInfo::from(&quoting), &[6; 32]));
    assert_ne!(key(&secs(1), &wanted).unwrap(), key(&quoting, &wanted).unwrap());
}

#[test]
fn a_target_of_other_attributes_or_configuration_is_another_target() {
    let base = secs(2);
    let report = ereport(&processor(), &secs(1), &TargetInfo::from(&base), [0; 64], [6; 32]);
    let debug = Secs { attributes: Attributes { flags: 7, xfrm: 7 }, ..base.clone() };
    let configured = Secs { config_id: ConfigId([1; 64]), ..base.clone() };
    let versioned = Secs { config_svn: 1, ..base.clone() };
    let misc = Secs { misc_select: 1, ..base };
    for other in [debug, configured, versioned, misc] {
        assert_eq!(verify_report(&processor(), &TargetInfo::from(&other), &report), Err(ReportError));
    }
}

#[test]
fn sealing_keys_depend_on_what_the_policy_says() {
    let other_enclave = secs(2);
    let other_signer = Secs { mr_signer: [1; 32], ..secs(1) };
    let other_product = Secs { isv_prod_id: 8, ..secs(1) };
    let by_enclave = request(SEAL, Policy::MR_ENCLAVE);
    let by_signer = request(SEAL, Policy::MR_SIGNER);
    assert_ne!(key(&secs(1), &by_enclave), key(&other_enclave, &by_enclave));
    assert_eq!(key(&secs(1), &by_signer), key(&other_enclave, &by_signer));
    assert_eq!(key(&secs(1), &by_enclave), key(&other_signer, &by_enclave));
    assert_ne!(key(&secs(1), &by_signer), key(&other_signer, &by_signer));
    assert_ne!(key(&secs(1), &by_signer), key(&other_product, &by_signer));
    assert_ne!(key(&secs(1), &by_signer), key(&secs(1), &KeyRequest { key_id: [1; 32], ..by_signer }));
    assert_ne!(key(&secs(1), &by_signer), key(&secs(1), &KeyRequest { isv_svn: 3, ..by_signer }));
    assert_ne!(key(&secs(1), &by_signer), key(&secs(1), &KeyRequest { cpu_svn: [4; 16], ..by_signer }));
    assert_ne!(key(&secs(1), &by_enclave), key(&secs(1), &by_signer));
}

#[test]
fn a_debug_enclave_never_gets_the_key_of_another() {
    let debug = Secs { attributes: Attributes { flags: 7, xfrm: 7 }, ..secs(1) };
    let unmasked = KeyRequest { attribute_mask: Attributes::default(), ..request(SEAL, Policy::MR_ENCLAVE) };
    assert_ne!(key(&secs(1), &unmasked), key(&debug, &unmasked));
}

#[test]
fn keys_of_another_product_need_kss() {
    let shared = request(SEAL, Policy::MR_SIGNER | Policy::NO_ISV_PROD_ID);
    assert_eq!(key(&secs(1), &shared), Err(KeyError::Fault));
    let kss = |prod: u16| Secs { isv_prod_id: prod, attributes: Attributes { flags: 5 | Attributes::KSS, xfrm: 7 }, ..secs(1) };
    assert_eq!(key(&kss(3), &shared), key(&kss(8), &shared));
    assert!(key(&kss(3), &shared).is_ok());
    let configured = request(SEAL, Policy::MR_SIGNER | Policy::CONFIG_ID);
    assert_eq!(key(&kss(3), &KeyRequest { config_svn: 1, ..configured }), Err(KeyError::IsvSvn));
    assert_ne!(key(&kss(3), &configured), key(&Secs { config_id: ConfigId([1; 64]), ..kss(3) }, &configured));
}

#[test]
fn requests_beyond_what_the_enclave_is_are_refused_with_the_codes_of_the_manual() {
    let seal = request(SEAL, Policy::MR_ENCLAVE);
    let mut newer = [5; 16];
    newer[15] = 6;
    for (wanted, error, code) in [
        (KeyRequest { isv_svn: 5, ..seal }, KeyError::IsvSvn, Some(64)),
        (KeyRequest { cpu_svn: newer, ..seal }, KeyError::CpuSvn, Some(32)),
        (KeyRequest { name: 5, ..seal }, KeyError::KeyName, Some(256)),
        (KeyRequest { name: 1, ..seal }, KeyError::Attribute, Some(2)),
        (KeyRequest { name: 0, ..seal }, KeyError::Attribute, Some(2)),
        (KeyRequest { policy: Policy(1 << 6), ..seal }, KeyError::Fault, None),
    ] {
        assert_eq!(key(&secs(1), &wanted), Err(error));
        assert_eq!(error.code(), code);
    }
    for reserved in [6, 7, 78, 511] {
        let mut bytes = seal.to_bytes();
        bytes[reserved] = 1;
        assert_eq!(egetkey(&processor(), &secs(1), &bytes), Err(KeyError::Fault), "byte {reserved}");
    }
}

#[test]
fn the_processor_file_is_for_its_owner_alone() {
    let folder = std::env::temp_dir().join(format!("authentic-sgx-processor-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("processor");
    let made = Processor::create(&path, [2; 16]).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 32);
    let read = Processor::read(&path).unwrap();
    let target = TargetInfo::from(&secs(2));
    assert!(verify_report(&read, &target, &ereport(&made, &secs(1), &target, [0; 64], [0; 32])).is_ok());
    assert_eq!(read.cpu_svn, [2; 16]);
    assert!(Processor::create(&path, [2; 16]).is_err(), "an existing processor is never replaced");

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Processor::read(&path).is_err_and(|error| error.to_string().contains("chmod 600")));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let link = folder.join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(Processor::read(&link).is_err());
    std::fs::write(&path, [0; 31]).unwrap();
    assert!(Processor::read(&path).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn structures_have_the_layouts_of_the_manual() {
    let body = ReportBody::new(&Secs { misc_select: 1, config_svn: 7, ..secs(1) }, [5; 16], [8; 64]).to_bytes();
    assert_eq!(body[16..20], [1, 0, 0, 0]);
    assert_eq!(body[48..50], [5, 0]);
    assert_eq!(body[56..58], [7, 0]);
    assert_eq!((body[64], body[96], body[128], body[256], body[258], body[260], body[320]), (1, 0, 9, 3, 4, 7, 8));
    let target = TargetInfo { mr_enclave: [1; 32], attributes: Attributes { flags: 5, xfrm: 7 }, config_svn: 2, misc_select: 3, config_id: [4; 64] };
    let bytes = target.to_bytes();
    assert_eq!((bytes[0], bytes[32], bytes[40], bytes[50], bytes[52], bytes[64], bytes[128]), (1, 5, 7, 2, 3, 4, 0));
    assert_eq!(TargetInfo::from_bytes(&bytes), target);
}

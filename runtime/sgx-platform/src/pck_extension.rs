//! The SGX extension of PCK certificates (Intel SGX PCK Certificate and CRL Profile, section 1.3.5), as the Processor CA
//! issues it: what was provisioned.

use crate::identity::{COMPONENTS, PCE_ID, PCE_SVN};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode, Encode, Sequence, Tag};
use x509_cert::ext::Extension;

const SGX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");

#[derive(Sequence)]
struct Member {
    id: ObjectIdentifier,
    value: Any,
}

fn member(arcs: &[u32], value: Any) -> der::Result<Member> {
    let id = arcs.iter().try_fold(SGX, |id, arc| id.push_arc(*arc))?;
    Ok(Member { id, value })
}

fn octets(bytes: &[u8]) -> der::Result<Any> {
    Any::new(Tag::OctetString, bytes)
}

/// The extension for the platform with this PPID and FMSPC.
pub fn extension(ppid: &[u8; 16], fmspc: &[u8; 6]) -> der::Result<Extension> {
    let mut tcb = Vec::new();
    for (number, svn) in (1..).zip(COMPONENTS) {
        tcb.push(member(&[2, number], Any::encode_from(&svn)?)?);
    }
    tcb.push(member(&[2, 17], Any::encode_from(&PCE_SVN)?)?);
    tcb.push(member(&[2, 18], octets(&COMPONENTS)?)?);
    let members = vec![
        member(&[1], octets(ppid)?)?,
        member(&[2], Any::from_der(&tcb.to_der()?)?)?,
        member(&[3], octets(&PCE_ID)?)?,
        member(&[4], octets(fmspc)?)?,
        // SGX type: standard.
        member(&[5], Any::new(Tag::Enumerated, [0])?)?,
    ];
    Ok(Extension { extn_id: SGX, critical: false, extn_value: OctetString::new(members.to_der()?)? })
}

//! Certificates and revocation lists after Intel's profile, with "Emulated SGX platform" as organization.

use crate::identity::ORGANIZATION;
use der::DateTime;
use der::asn1::{Any, BitString, ObjectIdentifier, OctetString, SetOfVec, Utf8StringRef};
use der::{Encode, oid::AssociatedOid};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::time::SystemTime;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::crl::{CertificateList, TbsCertList};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, CrlNumber, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// What a certificate is for.
#[derive(Clone, Copy)]
pub enum Role {
    /// Issues certificates and lists, with so many authorities below it.
    Authority(u8),
    /// Signs data.
    Signer,
}

/// A subject: its common name and key.
pub struct Subject<'a> {
    pub common_name: &'static str,
    pub key: &'a SigningKey,
}

/// A time as certificates write it.
pub fn time(at: SystemTime) -> der::Result<Time> {
    // Fractions of a second are left out.
    let date = DateTime::try_from(at)?;
    if date.year() < 2050 {
        Ok(Time::UtcTime(der::asn1::UtcTime::from_date_time(date)?))
    } else {
        Ok(Time::GeneralTime(der::asn1::GeneralizedTime::from_date_time(date)))
    }
}

/// The last second that certificates name, as in Intel's root.
fn end() -> der::Result<Time> {
    Ok(Time::UtcTime(der::asn1::UtcTime::from_date_time(DateTime::new(2049, 12, 31, 23, 59, 59)?)?))
}

fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None }
}

fn attribute(oid: ObjectIdentifier, value: &str) -> der::Result<RelativeDistinguishedName> {
    let value = Any::encode_from(&Utf8StringRef::new(value)?)?;
    Ok(RelativeDistinguishedName(SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])?))
}

fn name(common_name: &str) -> der::Result<Name> {
    Ok(RdnSequence(vec![attribute(COMMON_NAME, common_name)?, attribute(ORGANIZATION_NAME, ORGANIZATION)?]))
}

/// RFC 7093, section 2, method 1.
fn key_identifier(key: &VerifyingKey) -> der::Result<OctetString> {
    OctetString::new(&Sha256::digest(key.to_encoded_point(false))[..20])
}

fn extension<T: Encode + AssociatedOid>(critical: bool, content: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(content.to_der()?)? })
}

fn authority_key_identifier(issuer: &SigningKey) -> der::Result<Extension> {
    let key_identifier = Some(key_identifier(issuer.verifying_key())?);
    extension(false, &AuthorityKeyIdentifier { key_identifier, authority_cert_issuer: None, authority_cert_serial_number: None })
}

fn sign(key: &SigningKey, content: &[u8]) -> der::Result<BitString> {
    let signature: DerSignature = key.sign(content);
    BitString::from_bytes(signature.as_bytes())
}

/// Issues a certificate that is valid from `from` on.
///
/// # Errors
/// The time cannot be written.
pub fn certificate(subject: &Subject<'_>, issuer: &Subject<'_>, role: Role, more: Option<Extension>, from: SystemTime) -> der::Result<Vec<u8>> {
    let key = subject.key.verifying_key();
    let identifier = key_identifier(key)?;
    let (constraints, usage) = match role {
        Role::Authority(below) => (BasicConstraints { ca: true, path_len_constraint: Some(below) }, KeyUsages::KeyCertSign | KeyUsages::CRLSign),
        Role::Signer => (BasicConstraints { ca: false, path_len_constraint: None }, KeyUsages::DigitalSignature | KeyUsages::NonRepudiation),
    };
    let mut extensions = vec![
        authority_key_identifier(issuer.key)?,
        extension(false, &SubjectKeyIdentifier(identifier.clone()))?,
        extension(true, &KeyUsage(usage))?,
        extension(true, &constraints)?,
    ];
    extensions.extend(more);
    let tbs = TbsCertificate {
        version: Version::V3,
        // A key gets one certificate alone, so that its hash makes a unique number.
        serial_number: serial_number(identifier.as_bytes())?,
        signature: algorithm(),
        issuer: name(issuer.common_name)?,
        validity: Validity { not_before: time(from)?, not_after: end()? },
        subject: name(subject.common_name)?,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_key(p256::PublicKey::from(key)).map_err(|_| der::ErrorKind::Failed)?,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = sign(issuer.key, &tbs.to_der()?)?;
    x509_cert::Certificate { tbs_certificate: tbs, signature_algorithm: algorithm(), signature }.to_der()
}

/// Positive, at most 20 bytes, and with the highest bits 01, so that it has one length.
fn serial_number(hash: &[u8]) -> der::Result<SerialNumber> {
    let mut bytes = hash.to_vec();
    bytes[0] = bytes[0] & 0x3f | 0x40;
    SerialNumber::new(&bytes)
}

/// Issues a revocation list on which nothing is.
///
/// # Errors
/// A time cannot be written.
pub fn revocation_list(issuer: &Subject<'_>, number: u64, from: SystemTime, until: SystemTime) -> der::Result<Vec<u8>> {
    let tbs = TbsCertList {
        version: Version::V2,
        signature: algorithm(),
        issuer: name(issuer.common_name)?,
        this_update: time(from)?,
        next_update: Some(time(until)?),
        revoked_certificates: None,
        crl_extensions: Some(vec![extension(false, &CrlNumber(der::asn1::Uint::new(&number.to_be_bytes())?))?, authority_key_identifier(issuer.key)?]),
    };
    let signature = sign(issuer.key, &tbs.to_der()?)?;
    CertificateList { tbs_cert_list: tbs, signature_algorithm: algorithm(), signature }.to_der()
}

/// Canonical PEM: 64 columns, LF.
///
/// # Errors
/// Never for what this file issues.
pub fn pem(label: &'static str, documents: &[&[u8]]) -> der::Result<String> {
    let mut text = String::new();
    for document in documents {
        text.push_str(&der::pem::encode_string(label, der::pem::LineEnding::LF, document)?);
    }
    Ok(text)
}

#include "daemon/base/certificate.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pwd.h>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "schema/error.h"

namespace base {

namespace {

template <auto free> struct Free {
    template <class T> void operator()(T* object) const noexcept { free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Encoder = std::unique_ptr<OSSL_ENCODER_CTX, Free<OSSL_ENCODER_CTX_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;

constexpr long ten_years = 10L * 365 * 24 * 60 * 60;

/// Takes the result of a call of OpenSSL: throws with its reason when it is not 1.
void done(int result, const char* attempt) {
    if (result == 1) return;
    char reason[256] = "unknown";
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    throw schema::failure("Failed {}: {}", attempt, reason);
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<size_t>(size)};
}

/// "EC PRIVATE KEY", the form that LXD writes.
std::string key_pem(EVP_PKEY* key) {
    const Encoder encoder(OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, "PEM", "type-specific", nullptr));
    const Bio bio(BIO_new(BIO_s_mem()));
    done(OSSL_ENCODER_to_bio(encoder.get(), bio.get()), "writing a private key");
    return text_of(bio.get());
}

std::string certificate_pem(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    done(PEM_write_bio_X509(bio.get(), certificate), "writing a certificate");
    return text_of(bio.get());
}

void set_serial(X509* certificate) {
    const Number serial(BN_new());
    done(BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), "choosing a serial number");
    BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate));
}

void set_name(X509* certificate, const std::string& owner) {
    X509_NAME* name = X509_get_subject_name(certificate);
    const auto add = [name](const char* field, const std::string& value) {
        done(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0),
             "naming a certificate");
    };
    add("O", "linuxcontainers.org");
    add("CN", owner.substr(0, 64)); // X.509's limit
    done(X509_set_issuer_name(certificate, name), "naming a certificate");
}

void add_extension(X509* certificate, int id, const std::string& value) {
    const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str()));
    done(extension ? X509_add_ext(certificate, extension.get(), -1) : 0, "adding to a certificate");
}

std::string user_name() {
    const passwd* user = getpwuid(getuid()); // NOLINT(concurrency-mt-unsafe): called once, at start
    return user == nullptr ? "UNKNOWN" : user->pw_name;
}

std::string host_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "UNKNOWN";
}

} // namespace

Certificate generate_certificate(CertificateUse use, const std::string& user, const std::string& host) {
    const Key key(EVP_EC_gen("P-384"));
    if (!key) done(0, "making a private key");
    const Cert certificate(X509_new());
    X509* x509 = certificate.get();
    done(X509_set_version(x509, X509_VERSION_3), "making a certificate");
    set_serial(x509);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), ten_years);
    set_name(x509, user + "@" + host);
    done(X509_set_pubkey(x509, key.get()), "making a certificate");
    add_extension(x509, NID_key_usage, "critical,digitalSignature,keyEncipherment");
    add_extension(x509, NID_ext_key_usage, use == CertificateUse::server ? "serverAuth" : "clientAuth");
    add_extension(x509, NID_basic_constraints, "critical,CA:FALSE");
    if (use == CertificateUse::server) {
        add_extension(x509, NID_subject_alt_name, "DNS:" + host + ",IP:127.0.0.1,IP:::1");
    }
    if (X509_sign(x509, key.get(), EVP_sha384()) == 0) done(0, "signing a certificate");
    return {certificate_pem(x509), key_pem(key.get())};
}

Certificate find_or_generate_certificate(const std::string& certificate_path, const std::string& key_path,
                                         CertificateUse use) {
    auto certificate = read_file_if_exists(certificate_path);
    auto key = read_file_if_exists(key_path);
    if (certificate && key) return {std::move(*certificate), std::move(*key)};
    auto made = generate_certificate(use, user_name(), host_name());
    // The key last: a crash in between leaves no key without its certificate, and both are made again.
    replace_file(certificate_path, made.certificate_pem, 0644);
    replace_file(key_path, made.key_pem, 0600);
    return made;
}

std::string certificate_fingerprint(const std::string& certificate_pem) {
    const Bio bio(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
    const Cert certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) throw schema::bad_request("Invalid certificate");
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size <= 0) throw schema::bad_request("Invalid certificate");
    const std::unique_ptr<unsigned char, decltype([](unsigned char* data) { OPENSSL_free(data); })> owner(der);
    return sha256({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
}

} // namespace base

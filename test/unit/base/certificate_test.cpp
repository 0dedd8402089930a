#include "daemon/base/certificate.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "schema/error.h"
#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

/// What `openssl x509 -text` prints of it.
std::string text(const std::string& pem) {
    BIO* in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
    BIO* out = BIO_new(BIO_s_mem());
    X509_print(out, certificate);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out, &data);
    std::string printed(data, static_cast<size_t>(size));
    BIO_free(out);
    X509_free(certificate);
    BIO_free(in);
    return printed;
}

TEST(Certificate, AServersIsAsLxdMakesIt) {
    const auto made = generate_certificate(CertificateUse::server, "root", "host1");
    const auto printed = text(made.certificate_pem);
    for (const auto* part : {
             "Version: 3 (0x2)",
             "Signature Algorithm: ecdsa-with-SHA384",
             "Issuer: O=linuxcontainers.org, CN=root@host1",
             "Subject: O=linuxcontainers.org, CN=root@host1",
             "NIST CURVE: P-384",
             "X509v3 Key Usage: critical",
             "Digital Signature, Key Encipherment",
             "TLS Web Server Authentication",
             "CA:FALSE",
             "DNS:host1, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
         }) {
        EXPECT_NE(printed.find(part), std::string::npos) << part << "\n" << printed;
    }
    EXPECT_TRUE(made.key_pem.starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
}

TEST(Certificate, AClientsHasNoNames) {
    const auto printed = text(generate_certificate(CertificateUse::client, "me", "host1").certificate_pem);
    EXPECT_NE(printed.find("TLS Web Client Authentication"), std::string::npos);
    EXPECT_EQ(printed.find("Subject Alternative Name"), std::string::npos);
}

TEST(Certificate, TheSameFilesAreFoundAgain) {
    const test::TemporaryFolder folder;
    const auto certificate = folder.path() + "/server.crt";
    const auto key = folder.path() + "/server.key";
    const auto first = find_or_generate_certificate(certificate, key, CertificateUse::server);
    const auto second = find_or_generate_certificate(certificate, key, CertificateUse::server);
    EXPECT_EQ(first.certificate_pem, second.certificate_pem);
    EXPECT_EQ(first.key_pem, second.key_pem);
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(key).permissions(), perms::owner_read | perms::owner_write);
}

TEST(Certificate, AMissingKeyMeansANewPair) {
    const test::TemporaryFolder folder;
    const auto certificate = folder.path() + "/server.crt";
    const auto key = folder.path() + "/server.key";
    const auto first = find_or_generate_certificate(certificate, key, CertificateUse::server);
    std::filesystem::remove(key);
    EXPECT_NE(find_or_generate_certificate(certificate, key, CertificateUse::server).certificate_pem,
              first.certificate_pem);
}

TEST(Certificate, TheFingerprintIsThatOfTheDerForm) {
    // Made by LXD 5.0.2, with the fingerprint that it gave.
    constexpr const char* known = R"(-----BEGIN CERTIFICATE-----
MIIB9zCCAX6gAwIBAgIRAIiSxRhanSVMq5NwxV/1g+AwCgYIKoZIzj0EAwMwMDEc
MBoGA1UEChMTbGludXhjb250YWluZXJzLm9yZzEQMA4GA1UEAwwHcm9vdEB2bTAe
Fw0yNjExMjIwMDMxMzlaFw0zNjExMTkwMDMxMzlaMDAxHDAaBgNVBAoTE2xpbnV4
Y29udGFpbmVycy5vcmcxEDAOBgNVBAMMB3Jvb3RAdm0wdjAQBgcqhkjOPQIBBgUr
gQQAIgNiAATzkD/KAAT4VR2SEw+HV99T1w7FlJMFuHxNb3OirHP0NaqLKAvKlSc+
dk8JhmAvficUWvPOdydYlrK8YL4IgmjOxy+seaqc+7T27GhUiGflS+Mp1ovcPnyD
1wado1Uz0NWjXDBaMA4GA1UdDwEB/wQEAwIFoDATBgNVHSUEDDAKBggrBgEFBQcD
ATAMBgNVHRMBAf8EAjAAMCUGA1UdEQQeMByCAnZthwR/AAABhxAAAAAAAAAAAAAA
AAAAAAABMAoGCCqGSM49BAMDA2cAMGQCMFleVtBONnq20yXIz9bFPLMOT5+3iEVW
bUuBlHX0XHg8T+bjMMIA0/PiIaqKcBfg3QIwaZzY+2kkXVh6pUhcrcZjJ8k3ouqO
qRUpdrEWNu0Lv+8C6cS7ZnNlg9NTG3SfdLhQ
-----END CERTIFICATE-----
)";
    EXPECT_EQ(certificate_fingerprint(known), "6bbc5b8e2cbbf9aa545a38dbc4153affca2832191da5e5d23ce7ccefaf43b2ba");
    EXPECT_THROW(certificate_fingerprint("nonsense"), schema::Error);
}

} // namespace
} // namespace base

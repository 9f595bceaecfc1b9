package network

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// Variables that say which authorities are trusted. The library reads them where the
// system has no verifier of its own.
const (
	certFile = "SSL_CERT_FILE"
	certDir  = "SSL_CERT_DIR"
)

// maxCertFile bounds what is read of a file of certificates; that of a whole system
// has a quarter of a mebibyte.
const maxCertFile = 16 << 20

// checkCertificates returns an error when the certificates that the environment names
// are not there: the library would trust the system's own without a word.
func checkCertificates() error {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return nil
	}
	if file := os.Getenv(certFile); file != "" && !hasCertificate(file) {
		return &SettingError{certFile, "does not name a readable file of certificates", "name a file with certificates in PEM form, or unset " + certFile}
	}
	dirs := os.Getenv(certDir)
	if dirs == "" {
		return nil
	}
	for _, dir := range filepath.SplitList(dirs) { // the usual lists name folders of several systems
		if _, err := os.ReadDir(dir); err == nil {
			return nil
		}
	}
	return &SettingError{certDir, "does not name a readable directory", "name a directory of certificates, or unset " + certDir}
}

// hasCertificate reports whether a file has a certificate in it.
func hasCertificate(file string) bool {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return false // another kind of file may never end
	}
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxCertFile))
	if err != nil {
		return false
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			return true
		}
	}
	return false
}

// Certificates returns the variables that say which authorities are trusted beside, or in
// the place of, those of the system; none where the library does not read them.
func Certificates() (variables []string) {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return nil
	}
	for _, name := range []string{certFile, certDir} {
		if os.Getenv(name) != "" {
			variables = append(variables, name)
		}
	}
	return variables
}

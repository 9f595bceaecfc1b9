package gcs

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/api/option"

	"enrow-export/sinks"
)

// ErrCredentialsFile is what Open reports (by errors.Is) of a credentials file
// that is something else.
var ErrCredentialsFile = errors.New("is not a file of Google credentials")

// credentialsType reads what kind of credentials a file holds.
func credentialsType(file string) (option.CredentialsType, error) {
	data, err := readCredentials(file)
	if err != nil {
		return "", err
	}
	var content struct {
		Type       option.CredentialsType `json:"type"`
		PrivateKey string                 `json:"private_key"`
	}
	if json.Unmarshal(data, &content) == nil {
		switch content.Type {
		case option.ServiceAccount:
			if isPrivateKey(content.PrivateKey) {
				return content.Type, nil
			}
		case option.AuthorizedUser, option.ImpersonatedServiceAccount, option.ExternalAccount:
			return content.Type, nil
		}
	}
	return "", fmt.Errorf("%s %w", file, ErrCredentialsFile)
}

// isPrivateKey reports whether text is a private key as Google hands it out. The
// client would find out only at the first request, and say it at length.
func isPrivateKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	_, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		_, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return err == nil
}

// maxCredentials bounds a file of credentials; a service account's key has two
// kibibytes.
const maxCredentials = 1 << 20

// readCredentials returns the content of a file of credentials.
func readCredentials(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxCredentials+1))
	if err == nil && len(data) > maxCredentials {
		err = fmt.Errorf("%s %w: it is longer than %d bytes", file, ErrCredentialsFile, maxCredentials)
	}
	return data, err
}

// credentialsEnv, when it is set, names a file of credentials for all programs that
// use Google's libraries.
const credentialsEnv = "GOOGLE_APPLICATION_CREDENTIALS"

// checkDefaultCredentials reports that the file which the environment names cannot be
// read. The library would read it without end.
func (s *Store) checkDefaultCredentials() error {
	file := os.Getenv(credentialsEnv)
	if file == "" || s.cfg.CredentialsFile != "" || os.Getenv(emulatorEnv) != "" {
		return nil
	}
	data, err := readCredentials(file)
	if err == nil && !json.Valid(data) {
		err = fmt.Errorf("%s %w", file, ErrCredentialsFile)
	}
	if err != nil {
		return &sinks.AdvisedError{
			Text: fmt.Sprintf("no credentials for Cloud Storage: %s: %v", credentialsEnv, err),
			Hint: "set " + credentialsEnv + " to a file of Google credentials, or unset it",
		}
	}
	return nil
}

// noCredentials says what to do about an error of the library when it has made no client.
// It has no type for credentials that are nowhere.
func (s *Store) noCredentials(err error) error {
	if s.cfg.CredentialsFile == "" && strings.Contains(err.Error(), "could not find default credentials") {
		return &sinks.AdvisedError{
			Text: "this machine has no Google credentials (Application Default Credentials)",
			Hint: "run gcloud auth application-default login, or give a service account's key file with --gcs-credentials-file or " + credentialsEnv,
		}
	}
	return fmt.Errorf("no credentials for Cloud Storage: %w", err)
}

package s3

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"enrow-export/sinks"
)

// watchedCredentials tells errors of credentials from those of the service.
type watchedCredentials struct{ aws.CredentialsProvider }

// Retrieve implements aws.CredentialsProvider.
func (w *watchedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if w.CredentialsProvider == nil {
		return aws.Credentials{}, &credentialsError{err: errors.New("no provider")}
	}
	credentials, err := w.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		var sources []aws.CredentialSource
		if p, ok := w.CredentialsProvider.(aws.CredentialProviderSource); ok {
			sources = p.ProviderSources()
		}
		err = &credentialsError{err, sources}
	}
	return credentials, err
}

// credentialsError says that there are no credentials.
type credentialsError struct {
	err     error
	sources []aws.CredentialSource // that were asked
}

func (e *credentialsError) Error() string { return "no credentials for S3" }
func (e *credentialsError) Unwrap() error { return e.err }

// asked reports whether credentials come from one of sources.
func (e *credentialsError) asked(sources ...aws.CredentialSource) bool {
	return slices.ContainsFunc(e.sources, func(s aws.CredentialSource) bool { return slices.Contains(sources, s) })
}

const roleHint = "check the policies of the role, and that the role trusts "

// advised says what to do about credentials that cannot be had. What a service says in
// words is left out.
func (e *credentialsError) advised() *sinks.AdvisedError {
	code := ""
	if r := responseOf(e.err); r.code != "" {
		code = ": " + r.code
	}
	switch {
	case e.asked(aws.CredentialSourceSSO, aws.CredentialSourceSSOLegacy, aws.CredentialSourceProfileSSO, aws.CredentialSourceProfileSSOLegacy,
		aws.CredentialSourceLogin, aws.CredentialSourceProfileLogin):
		command := "aws sso login"
		if e.asked(aws.CredentialSourceLogin) {
			command = "aws login"
		}
		if profile := os.Getenv("AWS_PROFILE"); profile != "" {
			command += " --profile " + profile
		}
		return &sinks.AdvisedError{Text: "the sign-in of the AWS profile is missing or has expired", Hint: "run " + command}
	case e.asked(aws.CredentialSourceEnvVarsSTSWebIDToken, aws.CredentialSourceProfileSTSWebIDToken, aws.CredentialSourceSTSAssumeRoleWebID):
		if file := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"); file != "" && !canOpen(file) {
			return &sinks.AdvisedError{
				Text: "no credentials for S3: the web identity token " + file + " cannot be read",
				Hint: "check AWS_WEB_IDENTITY_TOKEN_FILE, and that the token is mounted",
			}
		}
		return &sinks.AdvisedError{
			Text: "no credentials for S3: AWS does not accept the web identity token" + code,
			Hint: roleHint + "the identity provider; an expired token has to be renewed by its issuer",
		}
	case e.asked(aws.CredentialSourceProcess, aws.CredentialSourceProfileProcess):
		return &sinks.AdvisedError{
			Text: "no credentials for S3: the credential_process of the AWS profile failed",
			Hint: "run the command of credential_process in the profile by hand to see why",
		}
	case e.asked(aws.CredentialSourceSTSAssumeRole):
		return &sinks.AdvisedError{
			Text: "no credentials for S3: the role of the AWS profile cannot be assumed" + code,
			Hint: roleHint + "the credentials of its source_profile",
		}
	case e.asked(aws.CredentialSourceHTTP):
		return &sinks.AdvisedError{
			Text: "no credentials for S3: the container's endpoint of credentials gives none" + code,
			Hint: "check AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, and the role of the task or pod",
		}
	}
	return &sinks.AdvisedError{
		Text: "this machine has no AWS credentials",
		Hint: "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run aws sso login, or give the machine a role",
	}
}

// canOpen reports whether a file can be opened. The client library does not say which one
// it could not read in a way that can be told from others.
func canOpen(file string) bool {
	f, err := os.Open(file)
	if err == nil {
		_ = f.Close() // nothing was read
	}
	return err == nil
}

// badConfiguration says what to do about settings that the client library refuses.
func badConfiguration(err error) error {
	var missing config.SharedConfigProfileNotExistError
	var malformed config.SharedConfigLoadError
	var mfa config.AssumeRoleTokenProviderNotSetError
	var role config.SharedConfigAssumeRoleError
	switch {
	case errors.As(err, &missing):
		return unreachable(&sinks.AdvisedError{
			Text: fmt.Sprintf("no credentials for S3: the AWS profile %q does not exist", missing.Profile),
			Hint: "check AWS_PROFILE and source_profile against the profiles of the AWS configuration: aws configure list-profiles",
		})
	case errors.As(err, &malformed):
		return unreachable(&sinks.AdvisedError{
			Text: "no credentials for S3: the AWS configuration file " + malformed.Filename + " cannot be read",
			Hint: "mend the file, or name another one with AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE",
		})
	case errors.As(err, &mfa):
		return unreachable(&sinks.AdvisedError{
			Text: "no credentials for S3: the role of the AWS profile wants a code of a second factor",
			Hint: "use a profile without mfa_serial, or set the keys and AWS_SESSION_TOKEN of a session",
		})
	case errors.As(err, &role):
		return unreachable(&sinks.AdvisedError{
			Text: fmt.Sprintf("no credentials for S3: the AWS profile %q has no complete source for its role", role.Profile),
			Hint: "give the profile a source_profile or credential_source that has credentials",
		})
	case os.Getenv("AWS_CA_BUNDLE") != "" && !canOpen(os.Getenv("AWS_CA_BUNDLE")), strings.Contains(err.Error(), "CA bundle"):
		return unreachable(&sinks.AdvisedError{
			Text: "AWS_CA_BUNDLE or ca_bundle of the AWS profile does not name a readable file of certificates",
			Hint: "name a file with certificates in PEM form, or unset AWS_CA_BUNDLE",
		})
	}
	return unreachable(&sinks.AdvisedError{
		Text: "the AWS configuration cannot be used",
		Hint: "check the variables AWS_* and the AWS profile: aws configure list",
	})
}

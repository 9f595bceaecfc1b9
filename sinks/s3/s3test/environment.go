package s3test

import "path/filepath"

// Credentials that the server takes, and Environment sets.
const (
	AccessKey = "AKIAIOSFODNN7EXAMPLE"
	SecretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" // both are examples of Amazon's pages
)

// T is what Environment needs of a *testing.T.
type T interface {
	Helper()
	Setenv(key, value string)
	TempDir() string
}

// Environment sets the variables of AWS for a test: credentials that the server takes,
// no region, and nothing of this machine, neither the files of the user nor the metadata
// service of an instance.
func Environment(t T) {
	t.Helper()
	dir := t.TempDir()
	for _, variable := range Variables(dir) {
		t.Setenv(variable[0], variable[1])
	}
}

// Variables returns the names and values that Environment sets, for processes that a test
// starts. No file in dir is read but "config" and "credentials".
func Variables(dir string) [][2]string {
	variables := [][2]string{
		{"AWS_ACCESS_KEY_ID", AccessKey},
		{"AWS_SECRET_ACCESS_KEY", SecretKey},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AWS_CONFIG_FILE", filepath.Join(dir, "config")},
		{"AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials")},
		{"NO_PROXY", "127.0.0.1"},
		{"no_proxy", "127.0.0.1"},
	}
	for _, unset := range []string{
		"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO", "AWS_CA_BUNDLE",
		"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		"AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
	} {
		variables = append(variables, [2]string{unset, ""})
	}
	return variables
}

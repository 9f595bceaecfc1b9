package gcstest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"enrow-export/sinks/gcs/gcstest"
)

// The layer refuses what its package comment says it refuses, and changes
// nothing then.
func TestRefuses(t *testing.T) {
	service, err := gcstest.New("bucket")
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, target, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "multipart/related; boundary=x")
		}
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		return w
	}
	upload := func(metadata string) string {
		return "--x\r\nContent-Type: application/json\r\n\r\n" + metadata + "\r\n--x\r\nContent-Type: text/plain\r\n\r\n123456789\r\n--x--\r\n"
	}
	const (
		uploads = "/upload/storage/v1/b/bucket/o?uploadType=multipart&name=a"
		object  = "/storage/v1/b/bucket/o/a"
		good    = `{"name":"a","crc32c":"4waSgw=="}` // the check value of "123456789"
	)
	for _, step := range []struct {
		what, method, target, body string
		want                       int
	}{
		{"write without a condition", "POST", uploads, upload(good), http.StatusPreconditionRequired},
		{"write without a checksum", "POST", uploads + "&ifGenerationMatch=0", upload(`{"name":"a"}`), http.StatusBadRequest},
		{"write with a wrong checksum", "POST", uploads + "&ifGenerationMatch=0", upload(`{"name":"a","crc32c":"AAAAAA=="}`), http.StatusBadRequest},
		{"write of half a body", "POST", uploads + "&ifGenerationMatch=0", upload(good)[:100], http.StatusBadRequest},
		{"write where a generation is expected", "POST", uploads + "&ifGenerationMatch=7", upload(good), http.StatusPreconditionFailed},
		{"read of what none of them wrote", "GET", object, "", http.StatusNotFound},
		{"write", "POST", uploads + "&ifGenerationMatch=0", upload(good), http.StatusOK},
		{"write where nothing is expected", "POST", uploads + "&ifGenerationMatch=0", upload(good), http.StatusPreconditionFailed},
		{"delete without a condition", "DELETE", object, "", http.StatusPreconditionRequired},
		{"delete of another generation", "DELETE", object + "?ifGenerationMatch=7", "", http.StatusPreconditionFailed},
		{"delete of nothing", "DELETE", object + "b?ifGenerationMatch=7", "", http.StatusNotFound},
		{"read under a condition", "GET", object + "?ifGenerationMatch=7", "", http.StatusNotImplemented},
		{"copy", "POST", object + "/rewriteTo/b/bucket/o/b", "", http.StatusNotImplemented},
		{"change of attributes", "PATCH", object, "{}", http.StatusNotImplemented},
		{"new bucket", "POST", "/storage/v1/b", "{}", http.StatusNotImplemented},
		{"read", "GET", object, "", http.StatusOK},
	} {
		if got := call(step.method, step.target, step.body); got.Code != step.want {
			t.Errorf("%s: %d, want %d: %s", step.what, got.Code, step.want, got.Body)
		}
	}

	service.Deny("storage.objects.get", "storage.objects.list", "storage.objects.delete")
	for _, step := range []struct {
		what, method, target, body string
		want                       int
	}{
		{"read", "GET", object, "", http.StatusForbidden},
		{"list", "GET", "/storage/v1/b/bucket/o", "", http.StatusForbidden},
		{"delete", "DELETE", object + "?ifGenerationMatch=7", "", http.StatusForbidden},
		{"write over another", "POST", uploads + "&ifGenerationMatch=7", upload(good), http.StatusForbidden},
		{"write", "POST", strings.Replace(uploads, "=a", "=c", 1) + "&ifGenerationMatch=0", upload(strings.Replace(good, `"a"`, `"c"`, 1)), http.StatusOK},
	} {
		if got := call(step.method, step.target, step.body); got.Code != step.want {
			t.Errorf("denied: %s: %d, want %d: %s", step.what, got.Code, step.want, got.Body)
		}
	}
}

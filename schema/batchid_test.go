package schema

import (
	"strings"
	"testing"
)

func TestValidBatchID(t *testing.T) {
	for _, id := range []string{"3d4cb64e-i64d-41e8-a686-736751004a32", "910f3e13-b2bf-442d-ab0b-4cf44dfrij84fjrt", "0", "A_b-", strings.Repeat("x", 128)} {
		if !ValidBatchID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", "-a", "_a", ".a", "a b", "a/b", "../x", "a.b", "ä", "a\n", "a\x00", strings.Repeat("x", 129), strings.Repeat("x", 300)} {
		if ValidBatchID(id) {
			t.Errorf("%q is accepted", id)
		}
	}
}

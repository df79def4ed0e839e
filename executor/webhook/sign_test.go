package webhook

import (
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

func TestASignatureIsVerified(t *testing.T) {
	t.Parallel()
	body := []byte(`{"version":1}`)
	header := Sign("s3cret", now, body)
	// printf '1772366400.{"version":1}' | openssl dgst -sha256 -hmac s3cret
	const want = "t=1772366400,v1=48477ec0b4b1346fbf0992a9e0d21556d501da4d7775f564e313784b816d3929"
	if header != want {
		t.Errorf("got %s, want %s", header, want)
	}
	for name, tt := range map[string]struct {
		secret, header, body string
		now                  time.Time
		says                 string // empty: it is right
	}{
		"right":                   {"s3cret", header, string(body), now, ""},
		"right and a bit late":    {"s3cret", header, string(body), now.Add(4 * time.Minute), ""},
		"one of several":          {"s3cret", strings.Replace(header, ",", ",v1=00,v0=x,", 1), string(body), now, ""},
		"too late":                {"s3cret", header, string(body), now.Add(6 * time.Minute), "6m0s away from now"},
		"from the future":         {"s3cret", header, string(body), now.Add(-6 * time.Minute), "6m0s away from now"},
		"another body":            {"s3cret", header, "{}", now, "is not that of this body"},
		"another secret":          {"other", header, string(body), now, "is not that of this body"},
		"no secret":               {"", header, string(body), now, "there is no secret"},
		"another time":            {"s3cret", strings.Replace(header, "t=1", "t=2", 1), string(body), now, "is not that of this body"},
		"no time":                 {"s3cret", "v1=00", string(body), now, "does not have the form"},
		"nothing":                 {"s3cret", "", string(body), now, "does not have the form"},
		"a time behind signature": {"s3cret", "v1=00,t=1", string(body), now, "is not that of this body"},
	} {
		err := Verify(tt.secret, tt.header, []byte(tt.body), tt.now, 0)
		if tt.says == "" && err == nil {
			continue
		}
		if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// SignatureHeader is the header of a request's signature.
const SignatureHeader = "X-Narrative-Signature"

// DefaultTolerance is how far a signature's time and the receiver's clock may be apart unless it says otherwise.
const DefaultTolerance = 5 * time.Minute

// Sign returns the value of [SignatureHeader] for a body signed at that time: t=UNIX_SECONDS,v1=HEX.
func Sign(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(digest(secret, seconds, body))
}

// Verify returns nil when header, a request's [SignatureHeader], is that of the body by the secret, and was made within
// tolerance of now; zero means [DefaultTolerance]. body is what came, byte by byte. Any other is an
// [narrative.Invalid] error, and the request is to be refused. A header may hold several signatures v1, of which one
// has to be right, and others, which are let be. No secret verifies nothing.
func Verify(secret, header string, body []byte, now time.Time, tolerance time.Duration) error {
	if secret == "" {
		return narrative.Errorf(narrative.Invalid, "verify a webhook: there is no secret")
	}
	if tolerance <= 0 {
		tolerance = DefaultTolerance
	}
	seconds, right := "", false
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			seconds = value
		case "v1":
			given, err := hex.DecodeString(value)
			right = err == nil && hmac.Equal(given, digest(secret, seconds, body)) || right
		}
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return narrative.Errorf(narrative.Invalid, "verify a webhook: %s does not have the form t=UNIX_SECONDS,v1=HEX", SignatureHeader)
	}
	if !right {
		return narrative.Errorf(narrative.Invalid, "verify a webhook: the signature is not that of this body by this secret")
	}
	if apart := now.Sub(time.Unix(unix, 0)).Abs(); apart > tolerance {
		return narrative.Errorf(narrative.Invalid, "verify a webhook: it was signed %s away from now, more than %s", apart.Round(time.Second), tolerance)
	}
	return nil
}

func digest(secret, seconds string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(seconds + "."))
	h.Write(body)
	return h.Sum(nil)
}

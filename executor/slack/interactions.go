package slack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/narrative-go/narrative"
)

const (
	// InteractionsPath is where Slack sends interactions: what the app's settings call the request URL.
	InteractionsPath = "/slack/interactions"
	// SignatureHeader and TimestampHeader are the headers by which Slack signs.
	SignatureHeader = "X-Slack-Signature"
	TimestampHeader = "X-Slack-Request-Timestamp"

	maxInteraction = 1 << 20 // bytes
	maxOff         = 5 * time.Minute
)

// InteractionsOptions are what [Interactions] go by. Those without a default are required.
type InteractionsOptions struct {
	// SigningSecret is the app's.
	SigningSecret string
	// Slack opens forms, and its API's host may be answered.
	Slack *Slack
	// Operators returns who may act: [narrative.Config].Operators.
	Operators func(ctx context.Context) ([]narrative.Person, error)
	// Act sends a signal to an issue, and returns once it was accepted or refused.
	Act func(ctx context.Context, issueID string, name narrative.SignalName, payload json.RawMessage) error
	// Now is the clock; default the machine's.
	Now func() time.Time
	// Logger gets a line for each signal, and for what cannot be answered; default none.
	Logger *slog.Logger
}

// Interactions hear what is pressed in Slack: an [http.Handler] for POST [InteractionsPath]. A request is answered at
// once and acted on afterwards, 64 at a time and for at most 30 s; the same one twice is acted on once. It is safe for
// concurrent use.
type Interactions struct {
	InteractionsOptions
	seen *memory
	jobs *jobs
}

var _ http.Handler = (*Interactions)(nil)

// NewInteractions returns the handler.
func NewInteractions(o InteractionsOptions) (*Interactions, error) {
	for _, required := range []struct {
		name string
		set  bool
	}{{"SigningSecret", o.SigningSecret != ""}, {"Slack", o.Slack != nil}, {"Operators", o.Operators != nil}, {"Act", o.Act != nil}} {
		if !required.set {
			return nil, narrative.Errorf(narrative.Invalid, "set up Slack's interactions: %s is required", required.name)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Interactions{InteractionsOptions: o, seen: &memory{at: map[string]time.Time{}}, jobs: newJobs()}, nil
}

// Wait returns once nothing is under way.
func (i *Interactions) Wait() { _ = i.jobs.wait(context.Background()) }

// Close lets nothing more begin, and waits for what is under way until the context ends.
func (i *Interactions) Close(ctx context.Context) error {
	i.jobs.close()
	return i.jobs.wait(ctx)
}

// ServeHTTP answers 200 to what Slack signed, 401 to what it did not, 413 to more than 1 MiB, 400 to what cannot be
// read, and 503 once closed.
func (i *Interactions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST is answered here", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInteraction))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, "the request is larger than 1 MiB", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	case !i.signed(r.Header, body):
		http.Error(w, "the request is not signed by Slack, or was signed more than five minutes ago", http.StatusUnauthorized)
		return
	case i.jobs.closed():
		http.Error(w, "closing", http.StatusServiceUnavailable)
		return
	}
	var in interaction
	form, err := url.ParseQuery(string(body))
	if err == nil {
		err = json.Unmarshal([]byte(form.Get("payload")), &in)
	}
	if err != nil {
		http.Error(w, "the field payload must be an interaction, in JSON", http.StatusBadRequest)
		return
	}
	switch in.Type {
	case "block_actions":
		i.pressed(w, r, in)
	case "view_submission":
		i.submitted(w, r, in)
	}
	// Anything else is not for us, and 200 says that it was heard.
}

// signed verifies the signature and the time of a request.
// See https://docs.slack.dev/authentication/verifying-requests-from-slack.
func (i *Interactions) signed(h http.Header, body []byte) bool {
	stamp := h.Get(TimestampHeader)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || i.Now().Sub(time.Unix(seconds, 0)).Abs() > maxOff {
		return false
	}
	return hmac.Equal([]byte(sign(i.SigningSecret, stamp, body)), []byte(h.Get(SignatureHeader)))
}

// sign returns the signature of a body that is sent at a time, in seconds.
func sign(secret, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

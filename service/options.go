// Package service is the whole Narrative process as a value: the store, the worker, the API and the link to Temporal,
// wired together. [New] checks the options, [Service.Start] connects and starts what they ask for, [Service.Stop]
// ends it in order.
package service

import (
	"context"
	"log/slog"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// Options say what a process is made of. The zero value runs nothing: at least one of API and Worker is needed.
type Options struct {
	Registry *narrative.Registry // required

	// DatabaseURL is postgres://… or sqlite:PATH; required unless Temporal is embedded, when the default is a file in
	// DataDir. From NARRATIVE_DATABASE_URL.
	DatabaseURL string
	// Migrate brings the store up to date before it is used.
	Migrate bool
	// WrapStore puts something between the process and its store: what traces, counts or stands in the way. It must
	// keep the store's contract. Default: nothing.
	WrapStore func(narrative.Store) narrative.Store

	// API listens for HTTP on Listen (default 127.0.0.1:8321; port 0: any).
	API    bool
	Listen string
	// RequireKey has the API ask for keys. On other addresses than loopback it always does, and there has to be a key
	// before it listens, unless Insecure, which leaves it to RequireKey whether keys are asked for.
	RequireKey, Insecure bool
	// RateLimit is how many requests a second each caller of the API may send; default 200, negative: no limit.
	RateLimit float64
	// TLSCert and TLSKey are the files of a certificate, with its chain, and of its key, by which the API is answered
	// over TLS; default neither, and it is not.
	TLSCert, TLSKey string

	// Worker answers Temporal on the task queues of the house and on Queues besides, which metas name.
	Worker bool
	Queues []string

	// MetricsListen is where /metrics is answered besides the API and without a key, such as 127.0.0.1:9321; default
	// nowhere. Workers have no API.
	MetricsListen string

	// Trigger is what sets going the metas that do not choose; default narrative.TriggerCron. All processes of a
	// deployment must agree on it.
	Trigger narrative.Trigger

	// Embedded, when set, is how the embedded Temporal server is started, unless TEMPORAL_ADDRESS names another.
	Embedded EmbeddedTemporal
	// DataDir holds the embedded server's file, the embedded store and the outbox; default .narrative.
	DataDir string
	// TemporalPort and UIPort are the embedded server's; 0: any free one.
	TemporalPort, UIPort int

	// File is a narrative.yaml that is applied at start-up; empty: none.
	File string

	// SMTPURL is smtp[s]://[user:pass@]host:port, from NARRATIVE_SMTP_URL. Empty: mail is written to OutboxDir, or,
	// where that is empty too, is undeliverable. MailFrom (default narrative@localhost) and ReplyTo (default none) are
	// addresses, from NARRATIVE_MAIL_FROM and NARRATIVE_REPLY_EMAIL_ADDRESS.
	SMTPURL, OutboxDir, MailFrom, ReplyTo string
	// MailTemplates is a folder whose files take the place of the built-in templates of mails; default none. From
	// NARRATIVE_MAIL_TEMPLATES.
	MailTemplates string
	// SlackToken is the token of a bot, from NARRATIVE_SLACK_BOT_TOKEN; SlackSigningSecret lets its buttons be pressed,
	// from NARRATIVE_SLACK_SIGNING_SECRET; SlackAPIURL is where Slack is, default its own, from SLACK_API_URL. Without a
	// token SlackWebhookURL, an incoming webhook from NARRATIVE_SLACK_WEBHOOK_URL, is used, which can do less; and
	// without that, what would be posted is written to OutboxDir, or, where that is empty too, is undeliverable.
	SlackToken, SlackSigningSecret, SlackAPIURL, SlackWebhookURL string
	// WebhookSecret signs the messages to webhooks; default none, and they are not signed. From
	// NARRATIVE_WEBHOOK_SECRET.
	WebhookSecret string

	Version string       // told by the API; default "dev"
	Logger  *slog.Logger // default discards
	// Told is called with each thing that a person at the terminal would want to know; default nobody is told.
	Told func(Happening)
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// EmbeddedTemporal starts an embedded Temporal server.
type EmbeddedTemporal func(ctx context.Context, o EmbeddedOptions) (EmbeddedServer, error)

// EmbeddedOptions are what an embedded server needs to know.
type EmbeddedOptions struct {
	DataDir          string
	Port, UIPort     int      // 0: any free one
	SearchAttributes []string // Keywords to make
	Logger           *slog.Logger
}

// EmbeddedServer is an embedded Temporal server that runs.
type EmbeddedServer interface {
	Address() string // host:port
	UIURL() string
	Stop()
}

// Happening is something that happened, in plain words.
type Happening struct {
	At   time.Time
	Text string // one line
}

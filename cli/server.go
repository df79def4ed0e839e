package cli

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/pflag"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

// listening is what the flags say about where the API listens; the service refuses what is no address, and one that
// others can reach unless that is wanted.
type listening struct {
	address              string
	requireKey, insecure bool
	tlsCert, tlsKey      string
	rateLimit            float64
}

func (l *listening) flags(flags *pflag.FlagSet) {
	flags.StringVar(&l.address, "listen", service.DefaultListen, "HOST:PORT of the API; port 0 takes a free one")
	flags.BoolVar(&l.requireKey, "require-key", false, "ask for a key on loopback, too, or although --insecure is said")
	flags.BoolVar(&l.insecure, "insecure", false, "listen on other addresses than loopback without asking for a key")
	flags.StringVar(&l.tlsCert, "tls-cert", "", "answer over TLS, with the certificate and its chain in this file; needs --tls-key")
	flags.StringVar(&l.tlsKey, "tls-key", "", "the file of the certificate's key")
	flags.Float64Var(&l.rateLimit, "rate-limit", 200, "requests a second that each caller may send, and twice as many at once; 0: no limit")
	for flag, variable := range map[string]string{
		"rate-limit": "NARRATIVE_RATE_LIMIT",
		"listen":     "NARRATIVE_LISTEN", "require-key": "NARRATIVE_REQUIRE_KEY", "tls-cert": "NARRATIVE_TLS_CERT", "tls-key": "NARRATIVE_TLS_KEY",
	} {
		orEnv(flags, flag, variable)
	}
}

// options asks for the API.
func (l *listening) options(o *service.Options) {
	o.API, o.Listen, o.RequireKey, o.Insecure, o.TLSCert, o.TLSKey = true, l.address, l.requireKey, l.insecure, l.tlsCert, l.tlsKey
	if o.RateLimit = l.rateLimit; o.RateLimit == 0 {
		o.RateLimit = -1
	}
}

// url is where the API is.
func (l *listening) url(s server) string {
	if l.tlsCert != "" {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

// triggering is the flag of what sets going the metas that do not choose. Every process of a deployment keeps
// Temporal's triggers in order, so each server command has it.
func triggering(flags *pflag.FlagSet) *string {
	trigger := flags.String("trigger", string(narrative.TriggerCron), "what sets checks going, unless a meta says: cron or schedule; the same for all processes")
	orEnv(flags, "trigger", "NARRATIVE_TRIGGER")
	return trigger
}

// serviceOptions are what every server command takes from the environment.
func (p *program) serviceOptions(logFrom slog.Level, trigger string) (service.Options, error) {
	logger, err := p.logger(logFrom)
	return service.Options{
		Registry:    p.registry,
		Trigger:     narrative.Trigger(trigger),
		DatabaseURL: p.Env("NARRATIVE_DATABASE_URL"),
		WrapStore:   p.wrapStore,
		SMTPURL:     p.Env("NARRATIVE_SMTP_URL"),
		MailFrom:    p.Env("NARRATIVE_MAIL_FROM"),
		ReplyTo:     p.Env("NARRATIVE_REPLY_EMAIL_ADDRESS"),

		MailTemplates:      p.Env("NARRATIVE_MAIL_TEMPLATES"),
		SlackToken:         p.Env("NARRATIVE_SLACK_BOT_TOKEN"),
		SlackSigningSecret: p.Env("NARRATIVE_SLACK_SIGNING_SECRET"),
		SlackAPIURL:        p.Env("SLACK_API_URL"),
		SlackWebhookURL:    p.Env("NARRATIVE_SLACK_WEBHOOK_URL"),
		WebhookSecret:      p.Env("NARRATIVE_WEBHOOK_SECRET"),

		Version: p.versionText(),
		Logger:  logger,
		Now:     p.Now,
	}, err
}

// serve starts a service, says so by ready, and stops it in order when ctx ends or something fails for good. What is
// wrong with the options is refused before anything is connected to.
func (p *program) serve(ctx context.Context, o service.Options, ready func(server)) error {
	s, err := p.wiring.newService(o)
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // told to end before it had begun
		}
		return err
	}
	defer s.Stop()
	ready(s)
	return s.Wait(ctx)
}

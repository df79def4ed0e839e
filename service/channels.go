package service

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/executor/email"
	"github.com/narrative-go/narrative/executor/slack"
	"github.com/narrative-go/narrative/executor/webhook"
)

// checkChannels finds what is wrong with the settings of the channels without connecting to anything. Outboxes are made
// when they are needed.
func (o Options) checkChannels() error {
	if o.SMTPURL != "" || o.MailTemplates != "" {
		if _, err := o.mail(); err != nil {
			return err
		}
	}
	if o.SlackToken != "" || o.SlackWebhookURL != "" {
		if _, err := o.slack(); err != nil {
			return err
		}
	}
	if o.SlackSigningSecret != "" && o.SlackToken == "" {
		return narrative.Errorf(narrative.Invalid, "NARRATIVE_SLACK_SIGNING_SECRET is of no use without NARRATIVE_SLACK_BOT_TOKEN: only a bot's messages have buttons")
	}
	return nil
}

// mail is how mail goes out: by SMTP, or into the outbox; nil for not at all.
func (o Options) mail() (narrative.Channel, error) {
	sender := email.Sender{From: o.MailFrom, ReplyTo: o.ReplyTo, Templates: o.MailTemplates}
	switch {
	case o.SMTPURL != "":
		channel, err := email.NewSMTP(o.SMTPURL, sender, email.SMTPOptions{})
		if err != nil {
			return nil, narrative.Errorf(narrative.Invalid, "NARRATIVE_SMTP_URL: %w", err)
		}
		return channel, nil
	case o.OutboxDir != "":
		return email.NewOutbox(o.OutboxDir, sender)
	}
	return nil, nil // mail is undeliverable
}

// slack is how messages get to Slack: by a bot, by an incoming webhook, or into the outbox; nil for not at all.
func (o Options) slack() (narrative.Channel, error) {
	switch {
	case o.SlackToken != "":
		bot, err := o.bot()
		if err != nil {
			return nil, err
		}
		return bot, nil
	case o.SlackWebhookURL != "":
		hook, err := slack.NewHook(slack.HookOptions{URL: o.SlackWebhookURL, Now: o.Now, Logger: o.Logger})
		if err != nil {
			return nil, narrative.Errorf(narrative.Invalid, "NARRATIVE_SLACK_WEBHOOK_URL: %w", err)
		}
		return hook, nil
	case o.OutboxDir != "":
		return slack.NewOutbox(o.OutboxDir)
	}
	return nil, nil
}

func (o Options) bot() (*slack.Slack, error) {
	bot, err := slack.New(slack.Options{Token: o.SlackToken, APIURL: o.SlackAPIURL, Now: o.Now, Logger: o.Logger})
	if err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "NARRATIVE_SLACK_BOT_TOKEN and SLACK_API_URL: %w", err)
	}
	return bot, nil
}

// boxed are the channels whose messages are written to the outbox instead of being sent.
func (o Options) boxed() (channels []string) {
	if o.OutboxDir == "" {
		return nil
	}
	if o.SMTPURL == "" {
		channels = append(channels, narrative.ChannelEmail)
	}
	if o.SlackToken == "" && o.SlackWebhookURL == "" {
		channels = append(channels, narrative.ChannelSlack)
	}
	return channels
}

// channels are how people are told where this process works.
func (s *Service) channels() (map[string]narrative.Channel, error) {
	all := map[string]narrative.Channel{
		narrative.ChannelWebhook: webhook.New(webhook.Options{
			Secret: s.o.WebhookSecret, Resolve: activities.Resolve, Config: s.store.Config, Now: s.o.Now, Logger: s.o.Logger,
		}),
	}
	for name, open := range map[string]func() (narrative.Channel, error){
		narrative.ChannelEmail: s.o.mail, narrative.ChannelSlack: s.o.slack,
	} {
		channel, err := open()
		if err != nil {
			return nil, err
		}
		if channel != nil {
			all[name] = channel
		}
	}
	s.warnOfChannels(all)
	return all, nil
}

// warnOfChannels says what cannot be told, or not as well as it might be.
func (s *Service) warnOfChannels(all map[string]narrative.Channel) {
	if all[narrative.ChannelEmail] == nil {
		s.o.Logger.Warn("no mail can be sent: NARRATIVE_SMTP_URL is not set; what is to be mailed waits for a worker that has it")
	}
	if hook, degraded := all[narrative.ChannelSlack].(*slack.Hook); degraded {
		s.o.Logger.Warn("Slack is told by an incoming webhook, which can do less than a bot: " + hook.Cannot())
	}
	if s.o.SlackToken != "" && s.o.SlackSigningSecret == "" {
		s.o.Logger.Warn("the buttons of messages in Slack do nothing: NARRATIVE_SLACK_SIGNING_SECRET is not set where the API runs")
	}
}

// interactions takes what Slack sends when a button is pressed; nil where it is not configured.
func (s *Service) interactions() (http.Handler, error) {
	if s.o.SlackSigningSecret == "" {
		return nil, nil
	}
	bot, err := s.o.bot()
	if err != nil {
		return nil, err
	}
	pressed, err := slack.NewInteractions(slack.InteractionsOptions{
		SigningSecret: s.o.SlackSigningSecret, Slack: bot, Now: s.o.Now, Logger: s.o.Logger,
		Operators: func(ctx context.Context) ([]narrative.Person, error) {
			config, err := s.store.Config(ctx)
			return config.Operators, err
		},
		Act: s.act,
	})
	if err != nil {
		return nil, err
	}
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = pressed.Close(ctx)
	})
	return pressed, nil
}

// act sends a signal to an issue, on behalf of somebody who pressed a button.
func (s *Service) act(ctx context.Context, issueID string, name narrative.SignalName, payload json.RawMessage) error {
	issue, err := s.store.Issue(ctx, issueID)
	if err != nil {
		return err
	}
	signal, err := narrative.DecodeSignal(name, payload)
	if err != nil {
		return err
	}
	if err := signal.Check(issue, s.o.Now()); err != nil {
		return err
	}
	return s.starter.Signal(ctx, issue, name, payload)
}

// checked is a channel that can be looked at without telling anybody anything.
type checked interface {
	Check(ctx context.Context) (string, error)
}

// channels looks at how people are told: that the mail server and Slack take the credentials.
func (d *doctor) channels(ctx context.Context) {
	for _, c := range []struct {
		name, lacks, do string
		open            func() (narrative.Channel, error)
	}{
		{narrative.ChannelEmail, "no mail can be sent: NARRATIVE_SMTP_URL is not set", "see that NARRATIVE_SMTP_URL is right, and that the mail server answers from here", d.o.mail},
		{narrative.ChannelSlack, "nobody is told in Slack: NARRATIVE_SLACK_BOT_TOKEN is not set", "see that NARRATIVE_SLACK_BOT_TOKEN is right, and that the app has the scopes that docs/notifications.md names", d.o.slack},
	} {
		if slices.Contains(d.o.boxed(), c.name) { // opening it would make the folder
			d.good(c.name, "nothing is sent: messages are written to "+d.o.OutboxDir)
			continue
		}
		channel, err := c.open()
		if err != nil {
			continue // the settings are bad, which was said
		}
		if channel == nil {
			d.good(c.name, c.lacks)
			continue
		}
		look, can := channel.(checked)
		if !can {
			d.good(c.name, "it is set up, and cannot be looked at without sending: narrative notify test "+c.name)
			continue
		}
		within, cancel := context.WithTimeout(ctx, dialWithin)
		found, err := look.Check(within)
		cancel()
		if err != nil {
			d.bad(c.name, err.Error(), c.do)
			continue
		}
		d.good(c.name, found)
	}
}

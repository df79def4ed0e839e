package narrative

import (
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// Recipients are people who are told, by channel.
type Recipients struct {
	Email   []string `json:"email"`             // addresses
	Slack   string   `json:"slack,omitempty"`   // a channel: #name or its id
	Webhook []string `json:"webhook,omitempty"` // URLs
}

// Route is who follows the issues of a meta, or the occurrences of an event.
type Route struct {
	Recipients
	// Severity are the severities that are told to them; empty: all.
	Severity []Severity `json:"severity,omitempty"`
}

// Recipient is one to be told, and why.
type Recipient struct {
	Channel string `json:"channel"`
	Address string `json:"address"`
	Because string `json:"because"`
	// Suppressed says by what they are kept from being told; empty: they are told.
	Suppressed string `json:"suppressed,omitempty"`
}

// RouteOf returns who is told, at that severity, of what is of the kind, each once: the admins, of all but an opening,
// and those that the meta's notify names, of all but that no solution was found: that is for the admins to see to. Of
// those whose routes leave the severity out it says so. It is pure.
func RouteOf(kind NotificationKind, m Meta, c Config, s Severity) []Recipient {
	r := router{at: map[Recipient]int{}}
	if kind != NotifyOpened {
		r.add(c.Admins, "config.admins", "")
	}
	for n, route := range m.Notify {
		if kind == NotifyNoSolution {
			break
		}
		because, suppressed := fmt.Sprintf("notify[%d] of %s", n, m.Name), ""
		if len(route.Severity) > 0 {
			because += ", for " + joinSeverities(route.Severity)
			if !route.takes(s) {
				suppressed = because + ", which does not take " + string(s)
			}
		}
		r.add(route.Recipients, because, suppressed)
	}
	return r.all
}

func (r Route) takes(s Severity) bool {
	for _, one := range r.Severity {
		if one == s {
			return true
		}
	}
	return len(r.Severity) == 0
}

func joinSeverities(all []Severity) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = string(s)
	}
	return strings.Join(names, " and ")
}

// router collects recipients; of one who stands twice, whoever is told wins over who is not.
type router struct {
	all []Recipient
	at  map[Recipient]int
}

func (r *router) add(to Recipients, because, suppressed string) {
	for _, one := range to.List() {
		key := Recipient{Channel: one.Channel, Address: strings.ToLower(one.Address)}
		one.Because, one.Suppressed = because, suppressed
		n, twice := r.at[key]
		switch {
		case !twice:
			r.at[key] = len(r.all)
			r.all = append(r.all, one)
		case r.all[n].Suppressed != "" && suppressed == "":
			one.Address = r.all[n].Address
			r.all[n] = one
		}
	}
}

// List returns the recipients one by one, with channel and address set.
func (r Recipients) List() (all []Recipient) {
	for _, address := range r.Email {
		all = append(all, Recipient{Channel: ChannelEmail, Address: address})
	}
	if r.Slack != "" {
		all = append(all, Recipient{Channel: ChannelSlack, Address: r.Slack})
	}
	for _, address := range r.Webhook {
		all = append(all, Recipient{Channel: ChannelWebhook, Address: address})
	}
	return all
}

func (r Recipients) validate() (p Problems) {
	for i, address := range r.Email {
		p = append(p, ProblemsOf(fmt.Sprintf("email[%d]", i), CheckAddress(ChannelEmail, address))...)
	}
	if r.Slack != "" {
		p = append(p, ProblemsOf("slack", CheckAddress(ChannelSlack, r.Slack))...)
	}
	for i, address := range r.Webhook {
		p = append(p, ProblemsOf(fmt.Sprintf("webhook[%d]", i), CheckAddress(ChannelWebhook, address))...)
	}
	return p
}

// CheckAddress returns an [Invalid] error for an address that cannot be one of the channel's.
func CheckAddress(channel, address string) error {
	switch channel {
	case ChannelEmail:
		if HasReference(address) {
			return Errorf(Invalid, "cannot refer to the environment or a file: who is told is kept in the store")
		}
		parsed, err := mail.ParseAddress(address)
		if err != nil || strings.ContainsAny(parsed.Address, " \"\\") { // a quoted local part, which servers do not take
			return Errorf(Invalid, "%q is not a mail address", address)
		}
	case ChannelSlack:
		return checkSlackChannel(address)
	case ChannelWebhook:
		return checkHookURL(address)
	default:
		return Errorf(Invalid, "there is no channel %q%s (known: %s)", channel, DidYouMean(channel, Channels), strings.Join(Channels, ", "))
	}
	return nil
}

// maxSlackName is the most characters of a Slack channel's name.
const maxSlackName = 80

// checkSlackChannel takes #name, or the id of a channel or a direct conversation.
// See https://api.slack.com/methods/conversations.create#naming.
func checkSlackChannel(s string) error {
	name, named := strings.CutPrefix(s, "#")
	if named && name != "" && len([]rune(name)) <= maxSlackName && !strings.ContainsAny(name, " #@,.:;/\\\t\n\"'") && strings.ToLower(name) == name {
		return nil
	}
	if !named && len(s) >= 9 && strings.ContainsRune("CGD", rune(s[0])) && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" {
		return nil
	}
	if !named && checkSlackChannel("#"+s) == nil {
		return Errorf(Invalid, "%q is not a Slack channel; did you mean \"#%s\"?", s, s)
	}
	return Errorf(Invalid, "%q is not a Slack channel: give #name, in lower case, or the channel's id", s)
}

// checkHookURL never says what the URL is: it may hold a secret.
func checkHookURL(s string) error {
	if HasReference(s) {
		if !strings.HasPrefix(s, "${") && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
			return Errorf(Invalid, "must be an http:// or https:// URL with a host")
		}
		return checkReferences(s)
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Errorf(Invalid, "must be an http:// or https:// URL with a host")
	}
	return nil
}

func validateRoutes(all []Route) (p Problems) {
	if len(all) > maxRoutes {
		p = append(p, Problem{"notify", fmt.Sprintf("has %d entries; at most %d fit", len(all), maxRoutes)})
	}
	for n, route := range all {
		path := fmt.Sprintf("notify[%d]", n)
		if len(route.List()) == 0 {
			p = append(p, Problem{path, "names nobody; give email: [address], slack: \"#channel\" or webhook: [URL]"})
		}
		p = append(p, route.Recipients.validate().At(path)...)
		for i, s := range route.Severity {
			if !s.Valid() {
				p = append(p, Problem{fmt.Sprintf("%s.severity[%d]", path, i), fmt.Sprintf("must be info, warning, error or critical; not %q", s)})
			}
		}
	}
	return p
}

// maxRoutes bounds a meta's notify.
const maxRoutes = 50

// Person is somebody who may act on issues from where they are told of them.
type Person struct {
	Name  string `json:"name"`  // what is written on timelines
	Slack string `json:"slack"` // the id of their Slack account, such as U0123ABCD
}

func validatePeople(all []Person) (p Problems) {
	seen := map[string]bool{}
	for n, one := range all {
		path := fmt.Sprintf("operators[%d]", n)
		if strings.TrimSpace(one.Name) == "" {
			p = append(p, Problem{path + ".name", "is required"})
		}
		if len(one.Slack) < 9 || !strings.ContainsRune("UW", rune(one.Slack[0])) || strings.Trim(one.Slack, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			p = append(p, Problem{path + ".slack", fmt.Sprintf("must be the id of a Slack account, such as U0123ABCD (in Slack: profile, Copy member ID); not %q", one.Slack)})
		} else if seen[one.Slack] {
			p = append(p, Problem{path + ".slack", fmt.Sprintf("%s stands twice", one.Slack)})
		}
		seen[one.Slack] = true
	}
	return p
}

// Digest says when messages to one recipient are gathered into one. The zero value means [DefaultDigest]'s.
type Digest struct {
	MoreThan int      `json:"more_than,omitempty"` // messages of one kind to one recipient that go out one by one
	Within   Duration `json:"within,omitempty"`    // in this time; those beyond them wait up to that long, and go out as one
}

// DefaultDigest lets five messages a minute go out one by one.
var DefaultDigest = Digest{MoreThan: 5, Within: Duration(time.Minute)}

// OrDefault returns the digest with [DefaultDigest]'s in place of what is zero.
func (d Digest) OrDefault() Digest {
	if d.MoreThan == 0 {
		d.MoreThan = DefaultDigest.MoreThan
	}
	if d.Within == 0 {
		d.Within = DefaultDigest.Within
	}
	return d
}

func (d Digest) validate() (p Problems) {
	if d.MoreThan < 0 || d.MoreThan > 10_000 {
		p = append(p, Problem{"more_than", fmt.Sprintf("must be from 1 to 10000; not %d", d.MoreThan)})
	}
	if d.Within < 0 || d.Within > 0 && d.Within < Duration(time.Second) || d.Within > Duration(time.Hour) {
		p = append(p, Problem{"within", fmt.Sprintf("must be from 1s to 1h; not %s", d.Within)})
	}
	return p
}

// Webhooks rule the requests that webhooks make, actions and messages alike.
type Webhooks struct {
	// PrivateAddresses is allow (the default) or forbid: whether they may go to loopback, link-local and private
	// addresses.
	PrivateAddresses string `json:"private_addresses,omitempty"`
}

// What [Webhooks].PrivateAddresses may be.
const (
	PrivateAllow  = "allow"
	PrivateForbid = "forbid"
)

func (w Webhooks) validate() (p Problems) {
	switch w.PrivateAddresses {
	case "", PrivateAllow, PrivateForbid:
	default:
		p = append(p, Problem{"private_addresses", fmt.Sprintf("must be allow or forbid; not %q%s", w.PrivateAddresses, DidYouMean(w.PrivateAddresses, []string{PrivateAllow, PrivateForbid}))})
	}
	return p
}

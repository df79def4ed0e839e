package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/service"
)

const keysPath = "/api/v1/keys"

func (p *program) keyCommand() *cobra.Command {
	return group("key", "Make, list and revoke the keys by which the API is used", p.keyCreateCommand(), p.keyListCommand(), p.keyRevokeCommand())
}

func (p *program) keyCreateCommand() *cobra.Command {
	var out output
	var scopes []string
	var expires, dataDir string
	var local bool
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a key; it is printed once, and kept nowhere", Args: takes("NAME"),
		Long: "Make a key; it is printed once, and kept nowhere. NAME is who holds it, and stands on the timelines of issues.\n\n" +
			"Scopes: read (look at everything), datums:write (send datums and heartbeats), operate (signals to issues, checks,\n" +
			"retries; and read), admin (everything: metas, configuration, keys).\n\n" +
			"The first key cannot be made by the API, which asks for one: --local writes it straight to the store.",
		Example: "  narrative key create ops --local                  # the first, of the scope admin\n" +
			"  narrative key create shop --scope datums:write --expires 90d",
	}
	flags := c.Flags()
	flags.StringSliceVar(&scopes, "scope", nil, "read, datums:write, operate or admin; may be repeated; default read, with --local admin")
	flags.StringVar(&expires, "expires", "", "for how long it is taken, such as 90d, or until when: 2027-01-31 or a full time; default for ever")
	flags.BoolVar(&local, "local", false, "write it straight to the store: NARRATIVE_DATABASE_URL, or else what narrative dev keeps in --data-dir")
	flags.StringVar(&dataDir, "data-dir", service.DefaultDataDir, "the folder of narrative dev")
	orEnv(flags, "data-dir", "NARRATIVE_DATA_DIR")
	out.flags(flags)
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		in, err := p.keyInput(args[0], scopes, expires, local)
		if err != nil {
			return err
		}
		var r reply
		if local {
			r, err = p.addKey(cmd, in, dataDir)
		} else {
			r, err = p.postKey(cmd, in)
		}
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var made httpapi.CreatedKey
			if err := r.into(&made); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "made the key %s (%s), which %s; it is shown this once and kept nowhere:\n", plainText(made.Name), joinScopes(made.Scopes), expiry(made.APIKey))
			_, err := fmt.Fprintln(w, plainText(made.Key))
			return err
		})
	})
	return c
}

// keyInput is the key that the flags ask for.
func (p *program) keyInput(name string, scopes []string, expires string, local bool) (httpapi.KeyInput, error) {
	in := httpapi.KeyInput{Name: name, Scopes: scopes}
	if len(scopes) == 0 {
		in.Scopes = []string{string(narrative.ScopeRead)}
		if local {
			in.Scopes = []string{string(narrative.ScopeAdmin)}
		}
	}
	switch _, err := narrative.ParseDuration(expires); {
	case expires == "":
	case err == nil:
		in.ExpiresIn = &expires // from when it is made, by the clock that will judge it
	default:
		until, err := parseTime(expires, p.Now(), 1)
		if err != nil {
			return in, misused("--expires is %w", err)
		}
		at := until.UTC().Format(time.RFC3339Nano)
		in.ExpiresAt = &at
	}
	return in, nil
}

// postKey has the API make the key.
func (p *program) postKey(cmd *cobra.Command, in httpapi.KeyInput) (reply, error) {
	client, err := p.client()
	if err != nil {
		return reply{}, err
	}
	return client.post(cmd.Context(), keysPath, in)
}

// addKey makes the key here, and puts it into the store.
func (p *program) addKey(cmd *cobra.Command, in httpapi.KeyInput, dataDir string) (reply, error) {
	o, err := p.serviceOptions(slog.LevelWarn, "")
	if err != nil {
		return reply{}, err
	}
	if o.DatabaseURL == "" {
		path := filepath.Join(dataDir, storeName)
		if _, err := os.Stat(path); err != nil {
			return reply{}, misused("NARRATIVE_DATABASE_URL is not set, and there is no store of narrative dev at %s; set one of NARRATIVE_DATABASE_URL and --data-dir", path)
		}
		o.DatabaseURL = "sqlite:" + path
	}
	k, key, err := httpapi.NewKey(in, p.Now())
	if err != nil {
		return reply{}, err
	}
	if k, err = p.wiring.addKey(cmd.Context(), o, k); err != nil {
		return reply{}, err
	}
	body, err := json.Marshal(httpapi.CreatedKey{APIKey: k, Key: key})
	return reply{status: http.StatusCreated, body: body}, err
}

func (p *program) keyListCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "list", Short: "List the keys, by name", Args: takes()}
	list := listFlags(c)
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		query, err := list.query(p.Now())
		if err != nil {
			return err
		}
		r, err := p.ask(cmd, &out, keysPath, query)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var listed narrative.Listed[narrative.APIKey]
			if err := r.into(&listed); err != nil {
				return err
			}
			if len(listed.Items) == 0 {
				_, err := fmt.Fprintf(w, "no keys; %s key create NAME --local makes the first\n", p.name())
				return err
			}
			more(cmd, listed.NextCursor)
			rows := make([][]string, len(listed.Items))
			for n, k := range listed.Items {
				ends := expiry(k)
				if k.ExpiresAt != nil && !p.Now().Before(*k.ExpiresAt) {
					ends = "expired " + ago(*k.ExpiresAt, p.Now())
				}
				rows[n] = []string{k.Name, joinScopes(k.Scopes), ago(k.CreatedAt, p.Now()), ends, agoOrNever(k.LastUsedAt, p.Now()), k.ID}
			}
			return tabulate(w, []string{"NAME", "SCOPES", "MADE", "EXPIRY", "LAST USED", "ID"}, rows)
		})
	})
	return c
}

func (p *program) keyRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Aliases: []string{"remove"}, Short: "Revoke a key, by name or ID; every process refuses it within seconds", Args: takes("NAME"),
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			if _, err := client.send(cmd.Context(), http.MethodDelete, keysPath+"/"+url.PathEscape(args[0]), nil); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: revoked\n", plainText(args[0]))
			return err
		}),
	}
}

// expiry says when a key is no longer taken.
func expiry(k narrative.APIKey) string {
	if k.ExpiresAt == nil {
		return "never expires"
	}
	return "expires " + k.ExpiresAt.UTC().Format("2006-01-02 15:04") + " UTC"
}

func joinScopes(scopes []narrative.Scope) string {
	names := make([]string, len(scopes))
	for n, s := range scopes {
		names[n] = string(s)
	}
	return strings.Join(names, ", ")
}

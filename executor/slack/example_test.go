package slack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/slack"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

// An issue is told of, and somebody acknowledges it from Slack.
func Example() {
	server := slackfake.NewServer() // Slack itself, where APIURL is left out
	defer server.Close()
	board, err := slack.New(slack.Options{Token: slackfake.Token, APIURL: server.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	interactions, err := slack.NewInteractions(slack.InteractionsOptions{
		SigningSecret: slackfake.SigningSecret,
		Slack:         board,
		Operators: func(context.Context) ([]narrative.Person, error) {
			return []narrative.Person{{Name: "Ada", Slack: "U0123ABCD"}}, nil
		},
		Act: func(_ context.Context, issue string, name narrative.SignalName, payload json.RawMessage) error {
			fmt.Println(issue, name, string(payload))
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	narrativeServer := httptest.NewServer(interactions)
	defer narrativeServer.Close()

	sent, err := board.Send(context.Background(), narrative.Telling{
		Notification: narrative.Notification{
			Key: "k1", Kind: narrative.NotifyOpened, Recipient: "#general", CreatedAt: time.Now(),
			Message: narrative.Message{Subject: "[Failing] invoices-balance", Text: "invoices-balance fails."},
		},
		Stories: []narrative.Story{{Issue: narrative.Issue{ID: "i-7", Assertion: "invoices-balance", Status: narrative.StatusOpen}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	card := server.Messages("#general")[0]
	fmt.Println(len(sent.Posts), card.Text)

	press := narrativeServer.URL + slack.InteractionsPath
	if _, err := server.Press(press, "U0123ABCD", card, "Acknowledge", 0); err != nil {
		fmt.Println(err)
	}
	interactions.Wait()
	if _, err := server.Submit(press, "U0123ABCD", server.Views()[0], map[string]string{"reason": "looking"}); err != nil {
		fmt.Println(err)
	}
	interactions.Wait()
	// Output:
	// 1 *[Failing] invoices-balance*
	// invoices-balance fails.
	// i-7 acknowledge {"by":"Ada","reason":"looking"}
}

package executor

// ActionArgs returns a pointer to the zero arguments of each action, by name.
func (e *Executor) ActionArgs() map[string]any {
	all := map[string]any{
		"email":                              &emailArgs{},
		"slack":                              &slackArgs{},
		"webhook":                            &webhookArgs{},
		"defer_to_admins":                    &deferArgs{},
		"defer_multiple_solutions_to_admins": &choiceArgs{},
		"log_datum":                          &datumArgs{},
	}
	for _, name := range e.Registry.Actions() {
		own, _ := e.Registry.Action(name)
		all[name] = own.NewArgs()
	}
	return all
}

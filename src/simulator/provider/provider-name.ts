// What the provider is called in fault rules and on the control routes, where endpoints have ids.
export const providerName = 'provider'

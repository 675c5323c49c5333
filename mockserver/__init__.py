"""klingmock: a local double of the Kling AI video API, driven by its OpenAPI document."""

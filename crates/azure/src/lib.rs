//! Progress in Azure Table Storage, staging in Azure Blob Storage, tokens from Entra.

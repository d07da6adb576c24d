// Starts Swagger UI on the service's own description.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger");
  SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: false, // its links would stand inside buttons, where a keyboard cannot use them
    validatorUrl: null,
    defaultModelsExpandDepth: 0,
  });
});

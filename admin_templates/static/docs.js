// Starts Swagger UI on the service's own description.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger");
  SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: true,
    validatorUrl: null,
    defaultModelsExpandDepth: 0,
  });
});
